package org.tsnext.transport.testing;

import static org.testng.Assert.assertEquals;

import io.netty.buffer.ByteBufAllocator;
import io.netty.util.ResourceLeakDetector;
import java.util.List;

/** Finds buffers that were lost while it was open. */
public final class LeakWatch {

  private static final int ROUNDS = 4;

  private final CapturedLog log = new CapturedLog(ResourceLeakDetector.class.getName());

  /** Fails if a buffer was lost. */
  public void check() throws InterruptedException {
    for (int i = 0; i < ROUNDS; i++) {
      System.gc();
      Thread.sleep(20);
      // Lost buffers are reported when the next one is taken.
      ByteBufAllocator.DEFAULT.buffer(16).release();
    }
    List<String> leaks = log.lines();
    log.close();
    assertEquals(leaks, List.of());
  }
}
