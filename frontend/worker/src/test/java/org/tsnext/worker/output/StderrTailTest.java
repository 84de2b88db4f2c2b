package org.tsnext.worker.output;

import static org.testng.Assert.assertEquals;

import org.testng.annotations.Test;

public class StderrTailTest {

  @Test
  public void lastLinesHaveNoAddressesOfMemory() {
    StderrTail tail = new StderrTail();
    tail.add("Fatal Python error: Segmentation fault");
    tail.add("Current thread 0x00007f3c2d1e0a90 (most recent call first):");
    tail.add("  <Weird object at 0x7F3C2D1E0A90>, magic 0xdeadbeef");
    tail.add("frame #0: f() + 0x57 (0x7f0a8a3b2c1d in /usr/lib/libc10.so)");
    assertEquals(
        tail.text(),
        """
        Fatal Python error: Segmentation fault
        Current thread (most recent call first):
          <Weird object>, magic 0xdeadbeef
        frame #0: f() + 0x57 (/usr/lib/libc10.so)\
        """);
  }
}
