package org.tsnext.http.request;

import static org.testng.Assert.assertEquals;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.testng.annotations.Test;

public class QueryParametersTest {

  @Test
  public void firstEqualsSignOfAParameterEndsItsName() {
    QueryParameters query = QueryParameters.parse("a=1=2&b;=c&a=3&d=");
    assertEquals(query.asMap(), Map.of("a", "1=2", "b", "", "", "c", "d", ""));
    assertEquals(query.all("a"), List.of("1=2", "3"));
    assertEquals(query.get("x"), Optional.empty());
  }

  /** Looking for each one's value in all that follows would take half a minute. */
  @Test(timeOut = 15_000)
  public void manyParametersWithoutValuesTakeLinearTime() {
    String rest = "€".repeat(20_000_000);
    QueryParameters query = QueryParameters.parse("a&".repeat(1000) + rest);
    assertEquals(query.get("a"), Optional.of(""));
    assertEquals(query.get(rest), Optional.of(""));
  }
}
