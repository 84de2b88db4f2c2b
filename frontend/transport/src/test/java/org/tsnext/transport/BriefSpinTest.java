package org.tsnext.transport;

import static io.netty.channel.SelectStrategy.CONTINUE;
import static io.netty.channel.SelectStrategy.SELECT;
import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertTrue;

import org.testng.annotations.BeforeMethod;
import org.testng.annotations.Test;

public class BriefSpinTest {

  private static final long SHORT = BriefSpin.SHORT_WAIT_NANOS / 4;

  private long now;
  private int pauses;
  private BriefSpin spin;

  @BeforeMethod
  public void makeOne() {
    now = 0;
    pauses = 0;
    spin = new BriefSpin(() -> now, () -> pauses++);
  }

  @Test
  public void sleepsAtOnceWhileNothingIsKnown() throws Exception {
    assertEquals(choose(0), SELECT);
    assertEquals(pauses, 0);
  }

  @Test
  public void looksForTheNextEventOnceEventsComeAtShortIntervals() throws Exception {
    eventsComeAfter(SHORT, 40);
    assertEquals(choose(0), CONTINUE);
    assertEquals(pauses, 1, "others get the CPU between two looks");
    now += SHORT;
    assertEquals(choose(3), 3);
  }

  @Test
  public void givesUpLookingAfterAWhileAndSleeps() throws Exception {
    eventsComeAfter(SHORT, 40);
    assertEquals(choose(0), CONTINUE);
    now += BriefSpin.SPIN_NANOS;
    assertEquals(choose(0), CONTINUE);
    now += 1;
    assertEquals(choose(0), SELECT);
  }

  @Test
  public void sleepsAgainAfterOneLongQuietTime() throws Exception {
    eventsComeAfter(SHORT, 40);
    eventsComeAfter(60_000_000_000L, 1);
    assertEquals(choose(0), SELECT);
  }

  @Test
  public void neverLooksWhileEventsAreFarApart() throws Exception {
    for (int i = 0; i < 100; i++) {
      assertEquals(choose(0), SELECT);
      now += BriefSpin.SHORT_WAIT_NANOS * 2;
    }
    assertEquals(pauses, 0);
  }

  @Test
  public void tasksAreNeverKeptWaiting() throws Exception {
    assertEquals(spin.calculateStrategy(() -> 0, true), 0);
    eventsComeAfter(SHORT, 40);
    assertEquals(choose(0), CONTINUE);
    assertEquals(spin.calculateStrategy(() -> 2, true), 2);
  }

  @Test
  public void tasksOfOtherThreadsCountAsTheEndOfAWait() throws Exception {
    int looks = 0;
    for (int i = 0; i < 60; i++) {
      if (choose(0) == CONTINUE) {
        looks++;
      }
      now += SHORT;
      assertEquals(spin.calculateStrategy(() -> 0, true), 0);
    }
    assertTrue(looks > 20, "it looked " + looks + " times");
  }

  /** The loop waits, and after so long something comes, again and again. */
  private void eventsComeAfter(long nanos, int times) throws Exception {
    for (int i = 0; i < times; i++) {
      int choice = choose(0);
      now += nanos;
      if (choice == CONTINUE) {
        assertEquals(choose(1), nanos <= BriefSpin.SPIN_NANOS ? 1 : SELECT);
      }
    }
    pauses = 0;
    // What woke it last is dealt with.
    if (spin.calculateStrategy(() -> 0, true) != 0) {
      throw new AssertionError("tasks were there");
    }
  }

  private int choose(int events) throws Exception {
    return spin.calculateStrategy(() -> events, false);
  }
}
