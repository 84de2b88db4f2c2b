package org.tsnext.worker.output;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertTrue;

import java.nio.file.Path;
import org.testng.annotations.Test;

public class StderrTailTest {

  @Test
  public void lastLinesHaveNoAddressesOfMemory() {
    StderrTail tail = new StderrTail(Path.of("/models/m"));
    tail.add("Current thread 0x00007f3c2d1e0a90 (most recent call first):");
    tail.add("  <Weird object at 0x7F3C2D1E0A90>, magic 0xdeadbeef");
    tail.add("frame #0: f() + 0x57 (0x7f0a8a3b2c1d in /usr/lib/libc10.so)");
    assertEquals(
        tail.text(),
        """
        Current thread (most recent call first):
          <Weird object>, magic 0xdeadbeef
        frame #0: f() + 0x57 (/usr/lib/libc10.so)\
        """);
  }

  @Test
  public void crashTellsWhatHappenedAndWhereInTheModelsCode() {
    StderrTail tail = new StderrTail(Path.of("/models/m"));
    tail.add("Fatal Python error: Segmentation fault");
    tail.add("");
    tail.add("Thread 0x00007f3c2d1e0a90 (most recent call first):");
    tail.add("  File \"/models/m/other.py\", line 9 in wait");
    tail.add("");
    tail.add("Current thread 0x00007f3c2d1e0a90 (most recent call first):");
    tail.add("  File \"/usr/lib/python3/ctypes/__init__.py\", line 517 in string_at");
    tail.add("  File \"/models/m/nets/layer.py\", line 12 in forward");
    tail.add("  File \"/models/m/handler.py\", line 3 in <module>");
    for (int i = 0; i < 40; i++) {
      tail.add("  File \"/usr/lib/python3/importlib/__init__.py\", line " + i + " in load");
    }
    tail.add("Extension modules: torch._C, yaml._yaml (total: 2)");
    assertTrue(
        tail.text()
            .endsWith("\nFatal Python error: Segmentation fault (nets/layer.py:12, in forward)"),
        tail.text());
  }

  @Test
  public void crashAtTheTopOfAFileNamesNoFunction() {
    StderrTail tail = new StderrTail(Path.of("/models/m"));
    tail.add("Fatal Python error: Aborted");
    tail.add("Current thread 0x00007f3c2d1e0a90 (most recent call first):");
    tail.add("  File \"/models/m/handler.py\", line 3 in <module>");
    assertTrue(tail.text().endsWith("\nFatal Python error: Aborted (handler.py:3)"), tail.text());
  }
}
