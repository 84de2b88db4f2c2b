package org.tsnext.core.access;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertFalse;
import static org.testng.Assert.assertTrue;

import java.time.Duration;
import java.util.Optional;
import java.util.Set;
import org.testng.annotations.BeforeMethod;
import org.testng.annotations.Test;
import org.tsnext.core.access.AccessTokens.Verdict;
import org.tsnext.core.testing.ManualTime;

public class AccessTokensTest {

  private static final Optional<Duration> HOUR = Optional.of(Duration.ofHours(1));

  private ManualTime time;
  private AccessTokens keys;

  @BeforeMethod
  public void makeKeys() {
    time = new ManualTime();
    keys = new AccessTokens(time);
    keys.put(TokenKind.INFERENCE, "ask", HOUR, Duration.ZERO);
    keys.put(TokenKind.MANAGEMENT, "manage", HOUR, Duration.ZERO);
    keys.put(TokenKind.API, "replace", Optional.empty(), Duration.ZERO);
  }

  private Verdict check(TokenKind accepted, String key) {
    return keys.check(Set.of(accepted), key);
  }

  @Test
  public void eachKeyOpensItsOwnKindOnly() {
    assertEquals(check(TokenKind.INFERENCE, "ask"), Verdict.GRANTED);
    assertEquals(check(TokenKind.MANAGEMENT, "manage"), Verdict.GRANTED);
    assertEquals(check(TokenKind.API, "replace"), Verdict.GRANTED);
    assertEquals(check(TokenKind.MANAGEMENT, "ask"), Verdict.WRONG_KIND);
    assertEquals(check(TokenKind.INFERENCE, "replace"), Verdict.WRONG_KIND);
    assertEquals(
        keys.check(Set.of(TokenKind.INFERENCE, TokenKind.MANAGEMENT), "ask"), Verdict.GRANTED);
  }

  @Test
  public void whatIsNoKeyIsUnknown() {
    for (String wrong : new String[] {"", "as", "asks", "ASK", "ask\0", "x".repeat(8000)}) {
      assertEquals(check(TokenKind.INFERENCE, wrong), Verdict.UNKNOWN, wrong);
    }
    assertEquals(new AccessTokens(time).check(Set.of(TokenKind.API), "replace"), Verdict.UNKNOWN);
  }

  @Test
  public void keyExpiresWhenItsLifeIsOver() {
    time.advance(Duration.ofHours(1).minusNanos(1));
    assertEquals(check(TokenKind.INFERENCE, "ask"), Verdict.GRANTED);
    time.advance(Duration.ofNanos(1));
    assertEquals(check(TokenKind.INFERENCE, "ask"), Verdict.EXPIRED);
    assertEquals(check(TokenKind.MANAGEMENT, "ask"), Verdict.UNKNOWN);
    time.advance(Duration.ofDays(1000));
    assertEquals(check(TokenKind.API, "replace"), Verdict.GRANTED);
  }

  @Test
  public void lifeOfAMillionYearsIsForEver() {
    Optional<Duration> life = Optional.of(Duration.ofDays(365_000_000));
    keys.put(TokenKind.INFERENCE, "long", life, Duration.ZERO);
    time.advance(Duration.ofDays(10_000));
    assertEquals(check(TokenKind.INFERENCE, "long"), Verdict.GRANTED);
  }

  @Test
  public void replacedKeyIsDeadAtOnceWithoutAnOverlap() {
    keys.put(TokenKind.INFERENCE, "next", HOUR, Duration.ZERO);
    assertEquals(check(TokenKind.INFERENCE, "next"), Verdict.GRANTED);
    assertEquals(check(TokenKind.INFERENCE, "ask"), Verdict.UNKNOWN);
  }

  @Test
  public void replacedKeyLivesThroughTheOverlapButNotBeyondItsOwnEnd() {
    time.advance(Duration.ofMinutes(50));
    keys.put(TokenKind.INFERENCE, "next", HOUR, Duration.ofMinutes(5));
    assertEquals(check(TokenKind.INFERENCE, "ask"), Verdict.GRANTED);
    time.advance(Duration.ofMinutes(5));
    assertEquals(check(TokenKind.INFERENCE, "ask"), Verdict.EXPIRED);
    assertEquals(check(TokenKind.INFERENCE, "next"), Verdict.GRANTED);
    keys.put(TokenKind.MANAGEMENT, "next", HOUR, Duration.ofHours(5));
    time.advance(Duration.ofMinutes(5));
    assertEquals(check(TokenKind.MANAGEMENT, "manage"), Verdict.EXPIRED);
  }

  /** By construction rather than by a clock, which would tell the load of the machine. */
  @Test
  public void comparisonIsOfDigestsOfOneLength() {
    AccessToken key = new AccessToken("secret", 0, Optional.empty());
    for (String presented : new String[] {"", "s", "secret", "x".repeat(8000)}) {
      assertEquals(AccessToken.digest(presented).length, 32);
      assertEquals(key.isOf(AccessToken.digest(presented)), presented.equals("secret"));
    }
    assertFalse(key.isOf(new byte[32]));
    assertTrue(key.isOf(AccessToken.digest("secret")));
  }
}
