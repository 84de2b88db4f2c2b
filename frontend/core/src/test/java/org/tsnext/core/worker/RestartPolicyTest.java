package org.tsnext.core.worker;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertFalse;
import static org.testng.Assert.assertTrue;

import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import org.testng.annotations.Test;

public class RestartPolicyTest {

  private static final long SECOND = 1_000_000_000L;
  private static final RestartPolicy FIVE_MINUTES = new RestartPolicy(Duration.ofMinutes(5));

  @Test
  public void delaysGrowLikeFibonacciAndStayAtTheLargest() {
    List<Long> seconds =
        IntStream.rangeClosed(1, 20).mapToObj(n -> RestartPolicy.delayOf(n).toSeconds()).toList();
    assertEquals(
        seconds,
        List.of(
            0L, 1L, 1L, 2L, 3L, 5L, 8L, 13L, 21L, 34L, 55L, 89L, 144L, 233L, 377L, 610L, 987L,
            1597L, 1597L, 1597L));
    assertEquals(RestartPolicy.delayOf(Integer.MAX_VALUE), Duration.ofSeconds(1597));
  }

  @Test
  public void lastAttemptIsCutToTheEndOfTheWindow() {
    assertEquals(
        FIVE_MINUTES.delay(12, 7 * SECOND, 237 * SECOND), Optional.of(Duration.ofSeconds(70)));
    assertEquals(
        FIVE_MINUTES.delay(11, 7 * SECOND, 137 * SECOND), Optional.of(Duration.ofSeconds(55)));
  }

  @Test
  public void nothingIsTriedAfterTheWindow() {
    assertEquals(FIVE_MINUTES.delay(13, 7 * SECOND, 307 * SECOND), Optional.empty());
    assertEquals(FIVE_MINUTES.delay(13, 7 * SECOND, 400 * SECOND), Optional.empty());
  }

  @Test
  public void zeroMeansNever() {
    assertEquals(new RestartPolicy(Duration.ZERO).delay(1, SECOND, SECOND), Optional.empty());
  }

  @Test
  public void windowIsOpenUntilItsEnd() {
    assertTrue(FIVE_MINUTES.isOpen(0, 300 * SECOND - 1));
    assertFalse(FIVE_MINUTES.isOpen(0, 300 * SECOND));
    // The clock's origin is arbitrary: its numbers may wrap.
    assertTrue(FIVE_MINUTES.isOpen(Long.MAX_VALUE, Long.MAX_VALUE + SECOND));
  }
}
