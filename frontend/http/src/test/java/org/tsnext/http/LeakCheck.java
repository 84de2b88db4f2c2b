package org.tsnext.http;

import static org.testng.Assert.assertEquals;

import io.netty.buffer.ByteBufAllocator;
import io.netty.util.ResourceLeakDetector;
import java.util.List;
import org.testng.annotations.AfterSuite;
import org.testng.annotations.BeforeSuite;

/** Fails the whole run if a buffer was lost in any test. */
public class LeakCheck {

  private CapturedLog log;

  @BeforeSuite
  public void listen() {
    log = new CapturedLog(ResourceLeakDetector.class.getName());
  }

  @AfterSuite(alwaysRun = true)
  public void noBufferWasLost() throws InterruptedException {
    for (int i = 0; i < 5; i++) {
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
