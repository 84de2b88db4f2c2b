package org.tsnext.server.lifecycle;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertFalse;
import static org.testng.Assert.assertTrue;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.testng.annotations.AfterMethod;
import org.testng.annotations.Test;
import org.tsnext.core.model.Readiness;
import org.tsnext.core.testing.CoreFixture;
import org.tsnext.core.time.Scheduler;

/** The first step of a stop. */
public class ShutdownDelayTest {

  private CoreFixture fixture;
  private final List<Duration> delays = new ArrayList<>();

  /** The server serves while this runs: what it is asked then is what clients get. */
  private Runnable meanwhile = () -> {};

  private final Scheduler scheduler =
      (delay, task) -> {
        delays.add(delay);
        meanwhile.run();
        task.run();
        return () -> {};
      };

  @AfterMethod
  public void close() {
    fixture.closeAndCheck();
  }

  @Test
  public void serverIsNotReadyWhileItsListenersStayOpen() throws Exception {
    fixture = new CoreFixture(true);
    meanwhile = () -> assertFalse(fixture.core().models().readiness().ready());
    assertTrue(fixture.core().models().readiness().ready());
    stop(Duration.ofSeconds(3));
    assertEquals(delays, List.of(Duration.ofSeconds(3)));
    delays.clear();
    stop(Duration.ofSeconds(3));
    assertEquals(delays, List.of(), "once");
  }

  @Test
  public void withoutADelayAndWithAStartThatIsNotOverItIsOverAtOnce() throws Exception {
    fixture = new CoreFixture(true);
    stop(Duration.ZERO);
    assertFalse(fixture.core().models().readiness().ready());
    fixture.closeAndCheck();
    fixture = new CoreFixture(false);
    stop(Duration.ofHours(1));
    assertEquals(delays, List.of());
  }

  private void stop(Duration delay) throws InterruptedException {
    Readiness readiness = fixture.core().readiness();
    new ShutdownDelay(readiness, delay, scheduler).await();
  }
}
