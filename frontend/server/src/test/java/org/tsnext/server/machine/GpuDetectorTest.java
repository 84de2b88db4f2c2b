package org.tsnext.server.machine;

import static org.testng.Assert.assertEquals;

import java.util.Map;
import java.util.Optional;
import org.testng.annotations.DataProvider;
import org.testng.annotations.Test;

public class GpuDetectorTest {
  @DataProvider
  public Object[][] visible() {
    return new Object[][] {
      {"0", 1},
      {"0,1,2", 3},
      {" 3 , 1", 2},
      {"", 0},
      {"-1", 0},
      {"0,-1,1", 1},
      {"NoDevFiles", 0},
      {"GPU-8932f937-d72c-4106-c12f-20bd9faed9f6", 1},
      {"GPU-8932f937,MIG-GPU-8932f937/1/0", 2},
    };
  }

  @Test(dataProvider = "visible")
  public void visibleDevicesDecide(String value, int expected) {
    GpuDetector detector =
        new GpuDetector(
            Map.of("CUDA_VISIBLE_DEVICES", value),
            () -> {
              throw new AssertionError("asked although the environment says it");
            });
    assertEquals(detector.count(), expected);
  }

  @DataProvider
  public Object[][] listed() {
    return new Object[][] {
      {Optional.empty(), 0},
      {Optional.of(""), 0},
      {Optional.of("0\n1\n"), 2},
      {Optional.of("index\n0\n1\n2\n"), 3},
      {Optional.of("No devices were found\n"), 0},
    };
  }

  @Test(dataProvider = "listed")
  public void elseTheMachineIsAsked(Optional<String> output, int expected) {
    assertEquals(new GpuDetector(Map.of(), () -> output).count(), expected);
  }
}
