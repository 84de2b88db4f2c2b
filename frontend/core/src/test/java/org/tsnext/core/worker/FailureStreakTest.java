package org.tsnext.core.worker;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertFalse;
import static org.testng.Assert.assertNotEquals;
import static org.testng.Assert.assertTrue;

import io.netty.buffer.Unpooled;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.stream.LongStream;
import org.testng.annotations.Test;
import org.tsnext.core.request.Header;
import org.tsnext.core.request.InferenceRequest;
import org.tsnext.core.request.InputPart;
import org.tsnext.core.request.Protocol;
import org.tsnext.core.request.RequestKind;

/** How failures are counted, and how often that may replace a worker. */
public class FailureStreakTest {

  @Test
  public void limitIsReportedOnce() {
    FailureStreak streak = new FailureStreak(2, 0);
    assertFalse(streak.failed(1, List.of(1L), 0));
    assertTrue(streak.failed(2, List.of(2L), 0));
    assertFalse(streak.failed(3, List.of(3L), 0));
  }

  @Test
  public void callsWithNothingNewDoNotCount() {
    FailureStreak streak = new FailureStreak(2, 0);
    assertFalse(streak.failed(1, List.of(1L, 2L, 3L), 0));
    assertFalse(streak.failed(2, List.of(2L, 3L), 0));
    assertFalse(streak.failed(3, List.of(), 0), "all clients had gone");
    assertTrue(streak.failed(4, List.of(3L, 4L), 0));
  }

  @Test
  public void tooManyBeforeTheTimeAreTooManyAtTheNextFailureAfterIt() {
    FailureStreak streak = new FailureStreak(2, 100);
    assertFalse(streak.failed(1, List.of(1L), 0));
    assertFalse(streak.failed(2, List.of(2L), 99));
    assertTrue(streak.failed(3, List.of(2L), 100), "even of a request that was seen");
  }

  @Test
  public void streakThatGoesOnRemembersALimitedAmount() {
    FailureStreak streak = new FailureStreak(2, Long.MAX_VALUE);
    List<Long> many = LongStream.range(0, 100_000).boxed().toList();
    assertFalse(streak.failed(1, many, 0));
    assertEquals(streak.remembered(), FailureStreak.MAX_REMEMBERED);
    streak.succeeded();
    assertEquals(streak.remembered(), 0);
  }

  @Test
  public void contentDecidesWhetherTwoRequestsAreOne() {
    byte[] large = new byte[1_000_000];
    byte[] other = large.clone();
    other[999_999] = 1;
    long one = fingerprint("1", RequestKind.PREDICT, "data", large);
    assertEquals(fingerprint("2", RequestKind.PREDICT, "data", large.clone()), one);
    assertNotEquals(fingerprint("1", RequestKind.PREDICT, "data", other), one);
    assertNotEquals(fingerprint("1", RequestKind.EXPLAIN, "data", large), one);
    assertNotEquals(fingerprint("1", RequestKind.PREDICT, "other", large), one);
    assertNotEquals(fingerprint("1", RequestKind.PREDICT, "data", new byte[0]), one);
  }

  @Test
  public void pausesGrowToHalfAnHour() {
    int[] seconds = {0, 10, 20, 40, 80, 160, 320, 640, 1280, 1800, 1800};
    for (int i = 0; i < seconds.length; i++) {
      assertEquals(ReplacementPolicy.pause(i), Duration.ofSeconds(seconds[i]));
    }
    assertEquals(ReplacementPolicy.pause(Integer.MAX_VALUE), Duration.ofMinutes(30));
  }

  private static long fingerprint(String id, RequestKind kind, String name, byte[] value) {
    InferenceRequest request =
        new InferenceRequest(
            id,
            new InferenceRequest.Target("m", Optional.empty()),
            kind,
            new InferenceRequest.Origin(Protocol.HTTP, false),
            List.of(new Header("x-request-id", id)),
            List.of(new InputPart(name, "", Unpooled.wrappedBuffer(value))),
            Optional.empty());
    long number = RequestFingerprint.of(request);
    request.release();
    return number;
  }
}
