package org.tsnext.server.machine;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import org.testng.annotations.AfterMethod;
import org.testng.annotations.BeforeMethod;
import org.testng.annotations.Test;

public class NvidiaSmiTest {
  private Path folder;

  @BeforeMethod
  public void makeFolder() throws IOException {
    folder = Files.createTempDirectory("tsnext-smi");
  }

  @AfterMethod
  public void removeFolder() throws IOException {
    Files.deleteIfExists(folder.resolve("nvidia-smi"));
    Files.delete(folder);
  }

  private Optional<String> list(Duration timeout) {
    return new NvidiaSmi(Map.of("PATH", "/nowhere:" + folder), timeout).list();
  }

  private void tool(String script) throws IOException {
    Path tool = Files.writeString(folder.resolve("nvidia-smi"), "#!/bin/sh\n" + script + "\n");
    assertTrue(tool.toFile().setExecutable(true));
  }

  @Test
  public void outputOfTheToolIsReturned() throws IOException {
    tool("echo 0; echo 1");
    assertEquals(list(Duration.ofSeconds(60)), Optional.of("0\n1\n"));
  }

  @Test
  public void noToolIsNothing() {
    assertEquals(list(Duration.ofSeconds(60)), Optional.empty());
  }

  @Test
  public void toolThatFailsIsNothing() throws IOException {
    tool("echo driver not loaded; exit 9");
    assertEquals(list(Duration.ofSeconds(60)), Optional.empty());
  }

  @Test(timeOut = 60_000)
  public void toolThatHangsIsNothing() throws IOException {
    tool("exec sleep 600");
    assertEquals(list(Duration.ofMillis(200)), Optional.empty());
  }
}
