package org.tsnext.server;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertTrue;

import java.util.Optional;
import org.testng.annotations.Test;

public class StartWarningsTest {
  @Test
  public void fileNamesInAnotherEncodingAreWarnedOf() {
    String warning = StartWarnings.fileNames("ANSI_X3.4-1968").orElseThrow();
    assertTrue(warning.contains("ANSI_X3.4-1968"), warning);
    assertTrue(warning.contains("LC_ALL"), warning);
    assertEquals(StartWarnings.fileNames("UTF-8"), Optional.empty());
  }

  @Test
  public void manyMoreEventLoopsThanProcessorsGetAHint() {
    assertEquals(StartReport.hint(4, 2), "");
    assertTrue(StartReport.hint(32, 2).contains("number_of_netty_threads=0"));
  }
}
