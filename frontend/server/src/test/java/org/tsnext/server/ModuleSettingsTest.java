package org.tsnext.server;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertTrue;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import org.testng.annotations.Test;
import org.tsnext.core.model.ServingSettings;
import org.tsnext.http.settings.AccessSettings;
import org.tsnext.http.settings.OpenInferenceSettings;
import org.tsnext.http.settings.SocketSettings;
import org.tsnext.server.lifecycle.TemporaryFolders.Sockets;
import org.tsnext.server.settings.ConfigFile;
import org.tsnext.server.settings.SettingsLoader;
import org.tsnext.transport.Transport;

public class ModuleSettingsTest {
  private static final int CPUS = 4;

  private static ModuleSettings modules(Map<String, String> file) {
    return new ModuleSettings(
        SettingsLoader.load(Optional.of(new ConfigFile(Path.of("/c"), file)), Map.of(), Map.of()),
        CPUS);
  }

  @Test
  public void gpusAreAtMostThoseThatAreThere() {
    assertEquals(modules(Map.of()).gpus(3), 3);
    assertEquals(modules(Map.of("number_of_gpu", "2")).gpus(3), 2);
    assertEquals(modules(Map.of("number_of_gpu", "9")).gpus(3), 3);
    assertEquals(modules(Map.of("number_of_gpu", "0")).gpus(3), 0);
  }

  @Test
  public void noWorkersPerModelMeansAsManyAsDevices() {
    ServingSettings unset = modules(Map.of("default_workers_per_model", "0")).serving(0);
    assertEquals(unset.modelDefaults().workers(), OptionalInt.empty());
    assertEquals(unset.startupWorkers(), CPUS);
    assertEquals(modules(Map.of()).serving(2).startupWorkers(), 2);
    assertEquals(modules(Map.of("default_workers_per_model", "3")).serving(2).startupWorkers(), 3);
  }

  @Test
  public void eventLoopsAreOnePerCpuUnlessSet() {
    assertEquals(modules(Map.of()).eventLoopThreads(), CPUS / 2);
    assertEquals(modules(Map.of("number_of_netty_threads", "32")).eventLoopThreads(), 32);
  }

  @Test
  public void workersUseTcpWhereAskedOrWhereNothingElseIs() {
    Transport nio = Transport.choose(false);
    Transport best = Transport.choose(true);
    assertEquals(modules(Map.of()).workerSockets(nio), Sockets.TCP);
    assertEquals(modules(Map.of("worker_transport", "tcp")).workerSockets(best), Sockets.TCP);
    if (best.supportsUnixSockets()) {
      assertEquals(modules(Map.of()).workerSockets(best), Sockets.UNIX_IF_THEY_FIT);
      assertEquals(modules(Map.of("worker_transport", "unix")).workerSockets(best), Sockets.UNIX);
    }
  }

  @Test
  public void bodyLimitsLeaveRoomForHeaders() {
    int limit =
        modules(Map.of("max_request_size", "2147483647"))
            .http(
                SocketSettings.plain(),
                AccessSettings.open(),
                List::of,
                OpenInferenceSettings.off())
            .bodies()
            .maxRequestSize();
    assertTrue(limit > 2_000_000_000 && limit + (1 << 20) > 0, String.valueOf(limit));
  }

  @Test
  public void secretsStayOutOfWorkers() {
    Map<String, String> environment =
        Map.of(
            "TS_KEYSTORE_PASS",
            "x",
            "TS_PRIVATE_KEY_PASS",
            "x",
            "KEY_SECRET",
            "x",
            "AWS_SECRET",
            "y",
            "PLAIN",
            "z");
    assertEquals(
        modules(Map.of("blacklist_env_vars", "AWS_.*", "private_key_pass", "env:KEY_SECRET"))
            .processEnvironment(environment)
            .allowed(),
        Map.of("PLAIN", "z", "PYTHONUTF8", "1"));
  }
}
