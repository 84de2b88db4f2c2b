package org.tsnext.http.request;

import static org.testng.Assert.assertEquals;

import java.util.List;
import java.util.Optional;
import org.testng.annotations.Test;

public class WeightedValueTest {

  private static WeightedValue only(String line) {
    List<WeightedValue> all = WeightedValue.all(List.of(line));
    assertEquals(all.size(), 1);
    return all.get(0);
  }

  @Test
  public void valuesOfAllLinesComeInOrderAndInLowerCase() {
    assertEquals(
        WeightedValue.all(List.of("Text/HTML;Q=0.5, a/b", "c/d")),
        List.of(
            new WeightedValue("text/html", List.of("q=0.5")),
            new WeightedValue("a/b", List.of()),
            new WeightedValue("c/d", List.of())));
  }

  @Test
  public void blanksAroundAnEqualsSignDoNotCount() {
    assertEquals(only("a/b ; q \t=  0.25").weight(1), 0.25);
    assertEquals(only("a/b;version = 1.0.0").parameter("version"), Optional.of("1.0.0"));
  }

  @Test
  public void weightThatIsNoneCountsAsMalformed() {
    assertEquals(only("a/b;q=2").weight(0), 0.0);
    assertEquals(only("a/b;q=").weight(1), 1.0);
    assertEquals(only("a/b").weight(0), 1.0);
  }

  /** A time that grows with the square of the length would take days here. */
  @Test(timeOut = 30_000)
  public void longRunOfBlanksTakesLinearTime() {
    assertEquals(
        only("a/b;x" + " ".repeat(4_000_000) + "y=1").parameters().get(0).length(), 4_000_004);
  }
}
