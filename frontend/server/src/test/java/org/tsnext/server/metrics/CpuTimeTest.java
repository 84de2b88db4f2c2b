package org.tsnext.server.metrics;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.expectThrows;

import java.io.IOException;
import java.util.List;
import org.testng.annotations.AfterMethod;
import org.testng.annotations.BeforeMethod;
import org.testng.annotations.DataProvider;
import org.testng.annotations.Test;

public class CpuTimeTest {
  private FakeRoot root;

  @BeforeMethod
  public void makeRoot() throws IOException {
    root = new FakeRoot();
  }

  @AfterMethod
  public void removeRoot() throws IOException {
    root.close();
  }

  private List<HostSample> look(CpuTime cpus, String times) throws IOException {
    root.write("proc/stat", times + "\ncpu0 1 1 1 1 1 1 1 1 0 0\nintr 5\n");
    return cpus.read();
  }

  private static List<HostSample> busy(double percent) {
    return List.of(HostSample.of("CPUUtilization", percent));
  }

  @Test
  public void utilizationIsThatBetweenTwoLooks() throws IOException {
    CpuTime cpus = new CpuTime(root.proc());
    assertEquals(look(cpus, "cpu  100 0 100 800 0 0 0 0 0 0"), List.of());
    assertEquals(look(cpus, "cpu  150 20 130 850 50 0 0 0 0 0"), busy(50));
    assertEquals(look(cpus, "cpu  150 20 130 950 50 0 0 0 0 0"), busy(0));
    assertEquals(look(cpus, "cpu  240 20 130 950 50 4 3 3 0 0"), busy(100));
  }

  @Test
  public void timeOfGuestsIsNotCountedTwice() throws IOException {
    CpuTime cpus = new CpuTime(root.proc());
    look(cpus, "cpu 0 0 0 0 0 0 0 0 0 0");
    assertEquals(look(cpus, "cpu 50 0 0 50 0 0 0 0 50 50"), busy(50));
  }

  @Test
  public void clocksThatStandStillOrGoBackGiveNothingImpossible() throws IOException {
    CpuTime cpus = new CpuTime(root.proc());
    look(cpus, "cpu 100 0 0 100 0 0 0 0 0 0");
    assertEquals(look(cpus, "cpu 100 0 0 100 0 0 0 0 0 0"), List.of());
    assertEquals(look(cpus, "cpu 200 0 0 90 0 0 0 0 0 0"), busy(100));
    assertEquals(look(cpus, "cpu 10 0 0 10 0 0 0 0 0 0"), List.of());
    assertEquals(look(cpus, "cpu 11 0 0 11 0 0 0 0 0 0"), busy(50));
  }

  @DataProvider
  public Object[][] strange() {
    return new Object[][] {
      {""},
      {"cpu0 1 1 1 1 1 1 1 1"},
      {"cpu 1 2 3"},
      {"cpu 1 1 1 x 1 1 1 1"},
      {"cpu -1 1 1 1 1 1 1 1"}
    };
  }

  @Test(dataProvider = "strange")
  public void fileOfAnotherFormIsRefused(String times) {
    IOException refusal =
        expectThrows(IOException.class, () -> look(new CpuTime(root.proc()), times));
    assertEquals(
        refusal.getMessage(), root.proc() + "/stat does not begin with the times of all CPUs");
  }
}
