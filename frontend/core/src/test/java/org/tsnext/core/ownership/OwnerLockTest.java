package org.tsnext.core.ownership;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertFalse;
import static org.testng.Assert.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.testng.annotations.AfterMethod;
import org.testng.annotations.BeforeMethod;
import org.testng.annotations.DataProvider;
import org.testng.annotations.Test;
import org.tsnext.core.ownership.OwnerLock.Abandoned;
import org.tsnext.core.ownership.OwnerLock.Judgement;
import org.tsnext.core.ownership.OwnerLock.Owned;
import org.tsnext.core.ownership.OwnerLock.Unknown;

public class OwnerLockTest {
  private static final Host HERE = Host.of("this-boot", List.of("1 0 8:1 / / rw - ext4 /dev/a rw"));
  private static final Host HERE_SHARED =
      Host.of("this-boot", List.of("1 0 8:1 / / rw - virtiofs share rw"));
  private static final Host ELSEWHERE_SHARED =
      Host.of("another-boot", List.of("1 0 8:1 / / rw - virtiofs share rw"));

  private Path folder;
  private Path file;

  @BeforeMethod
  public void makeFolder() throws IOException {
    folder = Files.createTempDirectory("tsnext-owner");
    file = folder.resolve("owner.lock");
  }

  @AfterMethod
  public void removeFolder() throws IOException {
    Files.deleteIfExists(file);
    Files.delete(folder);
  }

  /** Leaves the file of an owner that has ended. */
  private void abandon(Host host) throws IOException {
    OwnerLock.create(file, host).close();
  }

  private Judgement judgement(Host host) throws IOException {
    Judgement judgement = OwnerLock.judge(file, host);
    if (judgement instanceof Abandoned abandoned) {
      abandoned.lock().close();
    }
    return judgement;
  }

  @Test
  public void processThatHoldsTheLockOwnsIt() throws Exception {
    abandon(HERE);
    try (LockHolder holder = LockHolder.of(file)) {
      assertEquals(judgement(HERE), new Owned());
      assertEquals(judgement(ELSEWHERE_SHARED), new Owned());
      assertTrue(holder.isAlive());
    }
  }

  @Test
  public void lockGoesWithAProcessThatIsKilled() throws Exception {
    abandon(HERE);
    LockHolder.of(file).close();
    assertTrue(judgement(HERE) instanceof Abandoned);
  }

  @Test
  public void onlyOneCanTakeWhatIsAbandoned() throws Exception {
    abandon(HERE);
    try (OwnerLock lock = ((Abandoned) OwnerLock.judge(file, HERE)).lock()) {
      assertTrue(lock.isHeld());
      assertEquals(OwnerLock.judge(file, HERE), new Owned());
    }
  }

  @Test
  public void fileOfAnEarlierBootIsAbandonedWhereNoOtherHostCanBe() throws IOException {
    abandon(ELSEWHERE_SHARED);
    assertTrue(judgement(HERE) instanceof Abandoned);
  }

  @Test
  public void ownersOfOtherHostsAreNotJudgedWhereTheirLocksAreNotSeen() throws IOException {
    abandon(ELSEWHERE_SHARED);
    assertTrue(judgement(HERE_SHARED) instanceof Unknown);
    assertTrue(judgement(ELSEWHERE_SHARED) instanceof Abandoned);
  }

  @Test
  public void withoutALockFileNothingIsKnown() throws IOException {
    assertTrue(judgement(HERE) instanceof Unknown);
    Files.createSymbolicLink(file, Path.of("/dev/null"));
    assertTrue(judgement(HERE) instanceof Unknown);
  }

  @DataProvider
  public Object[][] fileSystems() {
    return new Object[][] {
      {"ext4 /dev/a rw", true, true},
      {"overlay overlay rw,lowerdir=/a", true, true},
      {"nfs4 host:/export rw,vers=4.2,local_lock=none", false, true},
      {"nfs host:/export rw,vers=3,local_lock=all", false, false},
      {"nfs host:/export rw,vers=3,nolock", false, false},
      {"cifs //host/share rw,nobrl", false, false},
      {"9p share rw", false, false},
      {"fuse.gcsfuse bucket rw", false, false},
      {"of-tomorrow share rw", false, false},
    };
  }

  @Test(dataProvider = "fileSystems")
  public void typeOfTheFileSystemTellsWhoseLocksAreSeen(
      String fileSystem, boolean alone, boolean locks) {
    Host host =
        Host.of(
            "boot",
            List.of(
                "1 0 8:1 / / rw shared:1 - " + (locks ? "9p x rw" : "ext4 /dev/a rw"),
                "not a line of it",
                "2 1 0:9 / " + folder + " rw,noatime shared:7 - " + fileSystem,
                "3 1 0:9 / " + folder + "-beside rw - bpf none rw"));
    assertEquals(host.hasAlone(folder), alone);
    assertEquals(host.seesEveryLock(folder), locks);
  }

  @Test
  public void namesOfMountPointsAreUnescaped() throws IOException {
    Path odd = Files.createDirectory(folder.resolve("a b"));
    String mount = "2 1 0:9 / " + odd.toString().replace(" ", "\\040") + " rw - tmpfs none rw";
    assertTrue(Host.of("boot", List.of(mount)).hasAlone(odd));
    assertFalse(Host.of("boot", List.of(mount)).hasAlone(folder));
    Files.delete(odd);
  }

  @Test
  public void thisHostHasAMarkAndKnowsItsFileSystems() {
    Host host = Host.current();
    assertFalse(host.mark().isEmpty());
    assertEquals(Host.current().mark(), host.mark());
  }
}
