package org.tsnext.server.metrics;

import static org.testng.Assert.assertEquals;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.testng.annotations.DataProvider;
import org.testng.annotations.Test;
import org.tsnext.core.request.Header;

public class CollectorOutputTest {
  private static final String CPU =
      "CPUUtilization.Percent:12.5|#Level:Host|#hostname:h,1700000000";

  @Test
  public void metricsAndMemoryAreReadAroundTheEmptyLine() {
    assertEquals(
        CollectorOutput.parse(
            CPU
                + "\r\nGPUUtilization.Percent:7|#Level:Host,device_id:1|#hostname:h,1700000000\n"
                + "\n4711:4096\n12:0\n"),
        new CollectorOutput(
            List.of(
                HostSample.of("CPUUtilization", 12.5),
                new HostSample(
                    "GPUUtilization",
                    7,
                    List.of(new Header("Level", "Host"), new Header("device_id", "1")))),
            Map.of(4711L, 4096L, 12L, 0L),
            Optional.empty()));
  }

  @DataProvider
  public Object[][] odd() {
    return new Object[][] {
      {"garbage\n" + CPU + "\n\n1:2\n", "garbage"},
      {CPU + "\n\nFailed get process for pid: 5\n1:2\n", "Failed get process for pid: 5"},
      {CPU + "\n\n1:2\n3:x\n99999999999999999999:1\n", "3:x"},
      {CPU + "\n\n1:2\n" + CPU, CPU},
      {"[METRICS]\u0000\n" + CPU + "\n\n1:2", "[METRICS]\u0000"},
      {
        "Traceback (most recent call last):\n" + CPU + "\n \n1:2",
        "Traceback (most recent call last):"
      },
    };
  }

  @Test(dataProvider = "odd")
  public void linesThatAreNeitherAreLeftOutAndTheFirstIsReported(String text, String unknown) {
    assertEquals(
        CollectorOutput.parse(text),
        new CollectorOutput(
            List.of(HostSample.of("CPUUtilization", 12.5)), Map.of(1L, 2L), Optional.of(unknown)));
  }

  @Test
  public void nothingPrintedIsNothing() {
    assertEquals(
        CollectorOutput.parse(""), new CollectorOutput(List.of(), Map.of(), Optional.empty()));
  }
}
