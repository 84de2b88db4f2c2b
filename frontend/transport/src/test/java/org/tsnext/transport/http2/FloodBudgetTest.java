package org.tsnext.transport.http2;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertTrue;

import java.util.concurrent.TimeUnit;
import org.testng.annotations.DataProvider;
import org.testng.annotations.Test;

public class FloodBudgetTest {

  private static final int WINDOW_UPDATE = 8;

  private long nanos;

  private FloodBudget budget() {
    nanos = 0;
    return new FloodBudget(() -> nanos);
  }

  @DataProvider
  public Object[][] frames() {
    return new Object[][] {
      {"priority", 2, 0, 5},
      {"reset", 3, 0, 4},
      {"settings", FrameScanner.SETTINGS, 0, 0},
      {"settings acknowledged", FrameScanner.SETTINGS, FrameScanner.ACK, 0},
      {"ping", FrameScanner.PING, 0, 8},
      {"ping acknowledged", FrameScanner.PING, FrameScanner.ACK, 8},
      {"good-bye", 7, 0, 8},
      {"window update", WINDOW_UPDATE, 0, 4},
      {"unknown", 0xbe, 0, 100},
      {"empty data", FrameScanner.DATA, 0, 0},
      {"padding only", FrameScanner.DATA, FrameScanner.PADDED, 256},
      {"empty continuation", FrameScanner.CONTINUATION, 0, 0},
    };
  }

  @Test(dataProvider = "frames")
  public void floodOfAnyKindIsOneTooMany(String name, int type, int flags, int length) {
    FloodBudget budget = budget();
    for (int i = 0; i < FloodBudget.BURST; i++) {
      assertTrue(budget.allows(type, flags, length), name + " " + i);
    }
    assertEquals(budget.allows(type, flags, length), false, name);
  }

  @Test
  public void settingsWithThousandsOfEntriesCountForMore() {
    FloodBudget budget = budget();
    int frames = 0;
    while (budget.allows(FrameScanner.SETTINGS, 0, 16_380)) {
      frames++;
    }
    assertTrue(frames < 20, frames + " frames");
  }

  @Test
  public void bodiesAndRequestsCostNothing() {
    FloodBudget budget = budget();
    for (int i = 0; i < 100_000; i++) {
      assertTrue(budget.allows(FrameScanner.DATA, 0, 1));
      assertTrue(budget.allows(FrameScanner.DATA, FrameScanner.END_STREAM, 0));
      assertTrue(budget.allows(FrameScanner.HEADERS, FrameScanner.END_HEADERS, 10));
    }
  }

  @Test
  public void clientThatAcknowledgesEachFrameTwiceIsNoFlood() {
    FloodBudget budget = budget();
    for (int i = 0; i < 1_000_000; i++) {
      budget.sent(FrameScanner.DATA, 0);
      assertTrue(budget.allows(WINDOW_UPDATE, 0, 4));
      assertTrue(budget.allows(WINDOW_UPDATE, 0, 4));
      assertTrue(budget.allows(FrameScanner.PING, 0, 8));
    }
  }

  @Test
  public void responsesToAFloodDoNotPayForIt() {
    FloodBudget budget = budget();
    int frames = 0;
    while (budget.allows(FrameScanner.SETTINGS, 0, 0)) {
      budget.sent(FrameScanner.SETTINGS, FrameScanner.ACK);
      budget.sent(FrameScanner.PING, FrameScanner.ACK);
      budget.sent(3, 0);
      frames++;
    }
    assertEquals(frames, FloodBudget.BURST);
  }

  @Test
  public void slowSenderIsAllowedForEver() {
    FloodBudget budget = budget();
    for (int i = 0; i < 100_000; i++) {
      nanos += TimeUnit.SECONDS.toNanos(1) / (FloodBudget.PER_SECOND / 2);
      assertTrue(budget.allows(FrameScanner.PING, 0, 8), "ping " + i);
    }
  }
}
