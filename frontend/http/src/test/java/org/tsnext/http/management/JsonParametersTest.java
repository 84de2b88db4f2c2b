package org.tsnext.http.management;

import static org.testng.Assert.assertEquals;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import java.util.OptionalInt;
import org.testng.annotations.DataProvider;
import org.testng.annotations.Test;

/** Parameters of calls that are given as JSON. */
public class JsonParametersTest {

  private static final int COUNT = 500_000;

  @DataProvider
  public Object[][] names() {
    return new Object[][] {{"short", "n"}, {"of one beginning", "x".repeat(60)}};
  }

  /** Were each member searched for among all, this would take minutes. */
  @Test(dataProvider = "names", timeOut = 60_000)
  public void membersWithoutNumberDoNotTakeQuadraticTime(String what, String prefix) {
    StringBuilder json = new StringBuilder("{\"url\": \"a.mar\"");
    for (int i = 0; i < COUNT; i++) {
      json.append(",\"").append(prefix).append(i).append("\":").append(i % 10);
    }
    ByteBuf body = Unpooled.copiedBuffer(json.append('}'), StandardCharsets.UTF_8);
    JsonParameters parameters = JsonParameters.parse(body);
    assertEquals(parameters.text("url"), Optional.of("a.mar"));
    assertEquals(parameters.integer(prefix + (COUNT - 1)), OptionalInt.of((COUNT - 1) % 10));
  }
}
