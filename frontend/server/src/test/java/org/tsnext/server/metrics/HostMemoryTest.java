package org.tsnext.server.metrics;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertTrue;
import static org.testng.Assert.expectThrows;

import java.io.IOException;
import java.util.List;
import org.testng.annotations.AfterMethod;
import org.testng.annotations.BeforeMethod;
import org.testng.annotations.DataProvider;
import org.testng.annotations.Test;

public class HostMemoryTest {
  private static final long MIB = 1 << 20;

  private FakeRoot root;

  @BeforeMethod
  public void makeMachineOf1000MibWith400MibAvailable() throws IOException {
    root = new FakeRoot();
    root.write(
        "proc/meminfo",
        "MemTotal:     1024000 kB\nMemFree:  1 kB\nMemAvailable:    409600 kB\nHugePages: 0\n");
  }

  @AfterMethod
  public void removeRoot() throws IOException {
    root.close();
  }

  private List<HostSample> look() throws IOException {
    return new HostMemory(root.proc(), new MemoryGroup(root.proc(), root.groups())).read();
  }

  private void group(String folder, String limit, long usageMib, long inactiveMib)
      throws IOException {
    String place = "sys/fs/cgroup" + folder + "/";
    root.write(place + "memory.max", limit + "\n");
    root.write(place + "memory.current", usageMib * MIB + "\n");
    root.write(
        place + "memory.stat",
        "anon 7\ninactive_file %d\nactive_file 1\n".formatted(inactiveMib * MIB));
  }

  private static String mib(long number) {
    return Long.toString(number * MIB);
  }

  private static List<HostSample> samples(double used, double available, double percent) {
    return List.of(
        HostSample.of("MemoryUsed", used),
        HostSample.of("MemoryAvailable", available),
        HostSample.of("MemoryUtilization", percent));
  }

  @Test
  public void machineWithoutControlGroupsTellsItsOwnMemory() throws IOException {
    assertEquals(look(), samples(600, 400, 60));
  }

  @Test
  public void containerOfVersion2HasTheMemoryOfItsLimit() throws IOException {
    root.write("proc/self/cgroup", "0::/\n");
    group("", mib(500), 300, 50);
    assertEquals(look(), samples(250, 250, 50));
  }

  @Test
  public void limitOfTheServiceOrOfAnyGroupAroundItCounts() throws IOException {
    root.write("proc/self/cgroup", "0::/system.slice/ts.service\n");
    group("/system.slice/ts.service", "max", 100, 0);
    group("/system.slice", mib(800), 700, 0);
    assertEquals(look(), samples(700, 100, 87.5));
    group("/system.slice/ts.service", mib(200), 150, 0);
    assertEquals(look(), samples(150, 50, 75));
  }

  @Test
  public void containerOfVersion1HasTheMemoryOfItsLimit() throws IOException {
    // What the file names lies outside of what the container sees.
    root.write("proc/self/cgroup", "9:name=systemd:/\n4:cpu,memory:/docker/0123\n0::/\n");
    root.write("sys/fs/cgroup/memory/memory.limit_in_bytes", mib(400));
    root.write("sys/fs/cgroup/memory/memory.usage_in_bytes", mib(300));
    root.write(
        "sys/fs/cgroup/memory/memory.stat",
        "inactive_file 1\ntotal_inactive_file %s\n".formatted(mib(200)));
    assertEquals(look(), samples(100, 300, 25));
  }

  @Test
  public void noMoreIsAvailableThanTheMachineHas() throws IOException {
    root.write("proc/self/cgroup", "0::/\n");
    group("", mib(900), 100, 0);
    assertEquals(look().get(1), HostSample.of("MemoryAvailable", 400));
  }

  @DataProvider
  public Object[][] noLimits() {
    return new Object[][] {{"max"}, {"9223372036854771712"}, {mib(1000)}, {mib(5000)}, {"?"}, {""}};
  }

  @Test(dataProvider = "noLimits")
  public void whatIsNoLimitChangesNothing(String limit) throws IOException {
    root.write("proc/self/cgroup", "0::/a\n");
    group("/a", limit, 10, 0);
    assertEquals(look(), samples(600, 400, 60));
  }

  @DataProvider
  public Object[][] memberships() {
    return new Object[][] {{""}, {"nonsense\n"}, {"0::/../../x\n"}, {"0::/not/there\n"}, {"0::\n"}};
  }

  @Test(dataProvider = "memberships")
  public void groupThatCannotBeFoundChangesNothing(String membership) throws IOException {
    root.write("proc/self/cgroup", membership);
    assertEquals(look(), samples(600, 400, 60));
  }

  @Test
  public void fileWithoutTheNumbersIsRefused() throws IOException {
    root.write("proc/meminfo", "MemTotal: 1024 kB\n");
    IOException refusal = expectThrows(IOException.class, this::look);
    assertTrue(refusal.getMessage().endsWith("meminfo has no line MemAvailable:"));
  }
}
