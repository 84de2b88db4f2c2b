package org.tsnext.jobs.folder;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertTrue;

import com.google.gson.JsonObject;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.io.IOException;
import java.lang.management.BufferPoolMXBean;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import org.testng.annotations.AfterMethod;
import org.testng.annotations.BeforeMethod;
import org.testng.annotations.Test;

public class RecordFileTest {

  private Path directory;

  @BeforeMethod
  public void makeDirectory() throws IOException {
    directory = Files.createTempDirectory("record-file");
  }

  @AfterMethod(alwaysRun = true)
  public void removeDirectory() throws IOException {
    Files.deleteIfExists(directory.resolve("record"));
    Files.delete(directory);
  }

  /** The JDK keeps the largest direct buffer that a thread has copied through. */
  @Test
  public void largeBodyTakesLittleDirectMemory() throws Exception {
    byte[] bytes = new byte[8 << 20];
    new Random(7).nextBytes(bytes);
    Path file = directory.resolve("record");
    ByteBuf first = Unpooled.wrappedBuffer(bytes, 0, 1000);
    ByteBuf second = Unpooled.wrappedBuffer(bytes, 1000, bytes.length - 1000);
    long before = directMemory();
    RecordFile.write(file, new JsonObject(), List.of(first, second));
    ByteBuf read = RecordFile.read(file).body();
    long taken = directMemory() - before;
    assertEquals(read, Unpooled.wrappedBuffer(bytes));
    assertTrue(taken < 1 << 20, taken + " bytes");
  }

  private static long directMemory() {
    return ManagementFactory.getPlatformMXBeans(BufferPoolMXBean.class).stream()
        .filter(pool -> pool.getName().equals("direct"))
        .mapToLong(BufferPoolMXBean::getMemoryUsed)
        .sum();
  }
}
