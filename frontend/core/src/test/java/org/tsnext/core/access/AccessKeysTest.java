package org.tsnext.core.access;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertFalse;
import static org.testng.Assert.assertTrue;

import java.time.Duration;
import java.util.Optional;
import java.util.Set;
import org.testng.annotations.BeforeMethod;
import org.testng.annotations.Test;
import org.tsnext.core.access.AccessKeys.Verdict;
import org.tsnext.core.testing.ManualTime;

public class AccessKeysTest {

  private static final Optional<Duration> HOUR = Optional.of(Duration.ofHours(1));

  private ManualTime time;
  private AccessKeys keys;

  @BeforeMethod
  public void makeKeys() {
    time = new ManualTime();
    keys = new AccessKeys(time);
    keys.put(KeyKind.INFERENCE, "ask", HOUR, Duration.ZERO);
    keys.put(KeyKind.MANAGEMENT, "manage", HOUR, Duration.ZERO);
    keys.put(KeyKind.API, "replace", Optional.empty(), Duration.ZERO);
  }

  private Verdict check(KeyKind accepted, String key) {
    return keys.check(Set.of(accepted), key);
  }

  @Test
  public void eachKeyOpensItsOwnKindOnly() {
    assertEquals(check(KeyKind.INFERENCE, "ask"), Verdict.GRANTED);
    assertEquals(check(KeyKind.MANAGEMENT, "manage"), Verdict.GRANTED);
    assertEquals(check(KeyKind.API, "replace"), Verdict.GRANTED);
    assertEquals(check(KeyKind.MANAGEMENT, "ask"), Verdict.WRONG_KIND);
    assertEquals(check(KeyKind.INFERENCE, "replace"), Verdict.WRONG_KIND);
    assertEquals(keys.check(Set.of(KeyKind.INFERENCE, KeyKind.MANAGEMENT), "ask"), Verdict.GRANTED);
  }

  @Test
  public void whatIsNoKeyIsUnknown() {
    for (String wrong : new String[] {"", "as", "asks", "ASK", "ask\0", "x".repeat(8000)}) {
      assertEquals(check(KeyKind.INFERENCE, wrong), Verdict.UNKNOWN, wrong);
    }
    assertEquals(new AccessKeys(time).check(Set.of(KeyKind.API), "replace"), Verdict.UNKNOWN);
  }

  @Test
  public void keyExpiresWhenItsLifeIsOver() {
    time.advance(Duration.ofHours(1).minusNanos(1));
    assertEquals(check(KeyKind.INFERENCE, "ask"), Verdict.GRANTED);
    time.advance(Duration.ofNanos(1));
    assertEquals(check(KeyKind.INFERENCE, "ask"), Verdict.EXPIRED);
    assertEquals(check(KeyKind.MANAGEMENT, "ask"), Verdict.UNKNOWN);
    time.advance(Duration.ofDays(1000));
    assertEquals(check(KeyKind.API, "replace"), Verdict.GRANTED);
  }

  @Test
  public void lifeOfAMillionYearsIsForEver() {
    Optional<Duration> life = Optional.of(Duration.ofDays(365_000_000));
    keys.put(KeyKind.INFERENCE, "long", life, Duration.ZERO);
    time.advance(Duration.ofDays(10_000));
    assertEquals(check(KeyKind.INFERENCE, "long"), Verdict.GRANTED);
  }

  @Test
  public void replacedKeyIsDeadAtOnceWithoutAnOverlap() {
    keys.put(KeyKind.INFERENCE, "next", HOUR, Duration.ZERO);
    assertEquals(check(KeyKind.INFERENCE, "next"), Verdict.GRANTED);
    assertEquals(check(KeyKind.INFERENCE, "ask"), Verdict.UNKNOWN);
  }

  @Test
  public void replacedKeyLivesThroughTheOverlapButNotBeyondItsOwnEnd() {
    time.advance(Duration.ofMinutes(50));
    keys.put(KeyKind.INFERENCE, "next", HOUR, Duration.ofMinutes(5));
    assertEquals(check(KeyKind.INFERENCE, "ask"), Verdict.GRANTED);
    time.advance(Duration.ofMinutes(5));
    assertEquals(check(KeyKind.INFERENCE, "ask"), Verdict.EXPIRED);
    assertEquals(check(KeyKind.INFERENCE, "next"), Verdict.GRANTED);
    keys.put(KeyKind.MANAGEMENT, "next", HOUR, Duration.ofHours(5));
    time.advance(Duration.ofMinutes(5));
    assertEquals(check(KeyKind.MANAGEMENT, "manage"), Verdict.EXPIRED);
  }

  /** By construction rather than by a clock, which would tell the load of the machine. */
  @Test
  public void comparisonIsOfDigestsOfOneLength() {
    AccessKey key = new AccessKey("secret", 0, Optional.empty());
    for (String presented : new String[] {"", "s", "secret", "x".repeat(8000)}) {
      assertEquals(AccessKey.digest(presented).length, 32);
      assertEquals(key.isOf(AccessKey.digest(presented)), presented.equals("secret"));
    }
    assertFalse(key.isOf(new byte[32]));
    assertTrue(key.isOf(AccessKey.digest("secret")));
  }
}
