package org.tsnext.server;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertTrue;
import static org.testng.Assert.expectThrows;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.testng.annotations.AfterMethod;
import org.testng.annotations.BeforeMethod;
import org.testng.annotations.Test;
import org.tsnext.server.lifecycle.StartException;
import org.tsnext.server.machine.GpuDetector;
import org.tsnext.server.persistence.SnapshotFolder;
import org.tsnext.server.persistence.SnapshotPlan;
import org.tsnext.server.settings.ConfigFile;
import org.tsnext.server.settings.Settings;
import org.tsnext.server.settings.SettingsLoader;
import org.tsnext.server.snapshot.SnapshotJson;

/** The real parts put together; only Python is a script that reads its input and does nothing. */
public class ServerTest {
  private Path folder;
  private Path temporary;
  private final Map<String, String> file = new HashMap<>();
  private SnapshotPlan snapshots;

  @BeforeMethod
  public void makeFolders() throws IOException {
    folder = Files.createTempDirectory("tsnext-server");
    temporary = Files.createDirectory(folder.resolve("tmp"));
    Files.createDirectories(folder.resolve("home").resolve("ts"));
    Files.createDirectory(folder.resolve("store"));
    Path python = Files.writeString(folder.resolve("python"), "#!/bin/sh\ncat >/dev/null\n");
    assertTrue(python.toFile().setExecutable(true));
    snapshots = SnapshotPlan.NONE;
    file.clear();
    file.put("python", python.toString());
    file.put("model_server_home", folder.resolve("home").toString());
    file.put("model_store", folder.resolve("store").toString());
    file.put("inference_address", "http://127.0.0.1:0");
    file.put("management_address", "http://127.0.0.1:0");
    file.put("metrics_address", "http://127.0.0.1:0");
    file.put("grpc_inference_port", "0");
    file.put("grpc_management_port", "0");
    file.put("shutdown_drain_timeout", "0");
    file.put("key_file", folder.resolve("key_file.json").toString());
    file.put("disable_token_authorization", "true");
  }

  @AfterMethod
  public void removeFolders() throws IOException {
    try (var files = Files.walk(folder)) {
      for (Path path : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(path);
      }
    }
  }

  private Server server() {
    Settings settings =
        SettingsLoader.load(
            Optional.of(new ConfigFile(folder.resolve("config.properties"), file)),
            Map.of(),
            Map.of());
    return new Server(
        settings,
        Map.of("PATH", System.getenv("PATH")),
        new GpuDetector(Map.of(), Optional::empty),
        temporary,
        snapshots);
  }

  private List<Path> leftOver() throws IOException {
    try (var files = Files.list(temporary)) {
      return files.toList();
    }
  }

  private static int status(String address, String path) throws Exception {
    HttpRequest request = HttpRequest.newBuilder(URI.create(address + path)).build();
    return HttpClient.newHttpClient()
        .send(request, HttpResponse.BodyHandlers.ofString())
        .statusCode();
  }

  @Test
  public void startedServerRespondsOnBothAddressesAndLeavesNothing() throws Exception {
    try (Server server = server()) {
      Map<String, String> addresses = server.start();
      server.loadModels().join();
      assertEquals(status(addresses.get("inference"), "/ping"), 200);
      assertEquals(status(addresses.get("management"), "/models"), 200);
      assertEquals(status(addresses.get("metrics"), "/metrics"), 200);
      assertEquals(leftOver().size(), 1);
    }
    assertEquals(leftOver(), List.of());
  }

  @Test
  public void startThatIsNotOverEndsWithoutDelay() throws Exception {
    file.put("shutdown_delay_sec", "3600");
    try (Server server = server()) {
      assertEquals(status(server.start().get("inference"), "/ready"), 503);
      assertEquals(server.closeLimit(), Duration.ofSeconds(3630));
    }
    assertEquals(leftOver(), List.of());
  }

  @Test
  public void archiveThatIsMissingIsAFailedModelAndPingIsNotChanged() throws Exception {
    file.put("load_models", "missing.mar");
    try (Server server = server()) {
      Map<String, String> addresses = server.start();
      server.loadModels().join();
      assertEquals(status(addresses.get("inference"), "/ready"), 503);
      assertEquals(status(addresses.get("inference"), "/ready/missing"), 503);
      assertEquals(status(addresses.get("inference"), "/ping"), 200);
      assertEquals(status(addresses.get("management"), "/models/missing"), 200);
      assertEquals(
          server.failedModels(),
          List.of("missing.mar: Model not found at: missing.mar: The model store is empty."));
      assertEquals(
          server.fatalModels().failed(), Optional.empty(), "by default the server goes on");
    }
  }

  @Test
  public void modelOfTheStartThatHasFailedEndsTheServerWhereThatIsAskedFor() throws Exception {
    file.put("load_models", "missing.mar");
    file.put("exit_on_load_failure", "true");
    try (Server server = server()) {
      server.start();
      CompletableFuture<String> told = new CompletableFuture<>();
      server.fatalModels().watch(told::complete);
      server.loadModels().join();
      assertTrue(
          server.fatalModels().failed().orElseThrow().contains("Model not found at: missing.mar"));
      String reason = told.get(60, TimeUnit.SECONDS);
      assertTrue(reason.startsWith("model missing version unknown: "), reason);
    }
  }

  @Test
  public void tokensAreCheckedByDefaultAndTheKeyFileGoesWithTheServer() throws Exception {
    file.remove("disable_token_authorization");
    Path keys = folder.resolve("key_file.json");
    try (Server server = server()) {
      Map<String, String> addresses = server.start();
      assertEquals(server.keyFile(), Optional.of(keys));
      assertTrue(Files.exists(keys));
      assertEquals(status(addresses.get("inference"), "/predictions/digits"), 401);
      assertEquals(status(addresses.get("management"), "/models"), 401);
      assertEquals(status(addresses.get("inference"), "/ping"), 200);
      assertEquals(status(addresses.get("metrics"), "/metrics"), 200);
    }
    assertEquals(Files.exists(keys), false);
  }

  @Test
  public void equalAddressesAreOneListener() throws Exception {
    for (int attempt = 1; ; attempt++) {
      try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
        file.put("inference_address", "http://127.0.0.1:" + free.getLocalPort());
        file.put("management_address", "http://127.0.0.1:" + free.getLocalPort());
      }
      try (Server server = server()) {
        Map<String, String> addresses = server.start();
        assertEquals(addresses.get("inference"), addresses.get("management"));
        assertEquals(status(addresses.get("inference"), "/ping"), 200);
        assertEquals(status(addresses.get("inference"), "/models"), 200);
        return;
      } catch (StartException e) {
        // Another process may have taken the port meanwhile.
        if (attempt == 10 || !e.getMessage().contains("in use")) {
          throw e;
        }
      }
    }
  }

  @Test
  public void listenersThatAreOffStayClosed() throws Exception {
    file.put("enable_metrics_api", "false");
    file.put("enable_grpc_api", "false");
    try (Server server = server()) {
      assertEquals(server.start().keySet(), Set.of("inference", "management"));
    }
  }

  @Test
  public void metricsNeedAKeyWhereTheListOfFreeRoutesLeavesThemOut() throws Exception {
    file.remove("disable_token_authorization");
    file.put("token_free_routes", "probes");
    try (Server server = server()) {
      assertEquals(status(server.start().get("metrics"), "/metrics"), 401);
    }
  }

  @Test
  public void modelThatCannotBeLoadedDoesNotStopTheServer() throws Exception {
    file.put("load_models", "nothing.mar");
    try (Server server = server()) {
      Map<String, String> addresses = server.start();
      assertEquals(server.modelsToLoad(), List.of("nothing.mar"));
      server.loadModels().join();
      assertEquals(status(addresses.get("inference"), "/ping"), 200);
    }
  }

  @Test
  public void modelThatCannotBeRestoredIsKeptInTheNextSnapshot() throws Exception {
    Path config = folder.resolve("logs").resolve("config");
    SnapshotFolder saved = new SnapshotFolder(config, Instant::now, ZoneOffset.UTC);
    String json =
        """
        {"models": {"lost": {"1.0": {"defaultVersion": true, "marName": "lost.mar",
         "minWorkers": 1, "maxWorkers": 1, "batchSize": 1, "maxBatchDelay": 100}}}}
        """;
    snapshots =
        new SnapshotPlan(Optional.of(SnapshotJson.read(json)), Optional.of(saved), List.of());
    try (Server server = server()) {
      server.start();
      server.loadModels().join();
    }
    List<Path> files = saved.newestFirst();
    assertEquals(
        files.stream().map(file -> file.getFileName().toString().substring(18)).toList(),
        List.of("shutdown.cfg", "startup.cfg"));
    for (Path file : files) {
      assertTrue(Files.readString(file).contains("lost.mar"), file.toString());
    }
  }

  @Test
  public void takenPortFailsTheStartNamingAddressAndKey() throws Exception {
    try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
        Server server = server(taken)) {
      StartException e = expectThrows(StartException.class, server::start);
      assertTrue(e.getMessage().contains("http://127.0.0.1:" + taken.getLocalPort()));
      assertTrue(e.getMessage().contains("management_address"), e.getMessage());
      assertTrue(e.getMessage().contains("in use"), e.getMessage());
    }
    assertEquals(leftOver(), List.of());
  }

  private Server server(ServerSocket taken) {
    file.put("management_address", "http://127.0.0.1:" + taken.getLocalPort());
    return server();
  }

  @Test
  public void pythonThatIsNotThereFailsTheStart() throws IOException {
    file.put("python", folder.resolve("nowhere").toString());
    try (Server server = server()) {
      StartException e = expectThrows(StartException.class, server::start);
      assertTrue(e.getMessage().startsWith("Cannot start Python: "), e.getMessage());
      assertTrue(e.getMessage().contains("nowhere"), e.getMessage());
    }
    assertEquals(leftOver(), List.of());
  }

  @Test
  public void homeWithoutThePackageFailsTheStart() {
    file.put("model_server_home", folder.resolve("store").toString());
    try (Server server = server()) {
      StartException e = expectThrows(StartException.class, server::start);
      assertTrue(e.getMessage().contains("expected a directory with the Python package ts"));
    }
  }

  @Test
  public void brokenMetricsFileFailsTheStart() throws IOException {
    Path metrics = Files.writeString(folder.resolve("metrics.yaml"), "model_metrics: 3");
    file.put("metrics_config", metrics.toString());
    try (Server server = server()) {
      StartException e = expectThrows(StartException.class, server::start);
      assertTrue(e.getMessage().contains("metrics_config = " + metrics), e.getMessage());
    }
  }

  @Test
  public void metricsFileThatDeclaresAServerMetricWithoutItsDimensionsFailsTheStart()
      throws IOException {
    String text =
        "ts_metrics:\n  gauge:\n    - {name: QueueTime, unit: ms, dimensions: [Hostname]}\n";
    file.put("metrics_config", Files.writeString(folder.resolve("metrics.yaml"), text).toString());
    try (Server server = server()) {
      StartException e = expectThrows(StartException.class, server::start);
      assertTrue(e.getMessage().contains("metric QueueTime is declared with"), e.getMessage());
    }
  }

  @Test
  public void metricsFileThatDeclaresNothingSensibleEndsTheStartWithThePlace() throws Exception {
    Path metrics = folder.resolve("metrics.yaml");
    Files.writeString(metrics, "ts_metrics: {gauge: [{name: A, unit: '', dimensions: [host]}]}");
    file.put("metrics_config", metrics.toString());
    try (Server server = server()) {
      StartException refused = expectThrows(StartException.class, server::start);
      assertEquals(
          refused.getMessage(),
          "Invalid configuration: metrics_config = %s (file %s): ts_metrics.gauge, entry 1 (A): unit is '', expected a text of one line"
              .formatted(metrics, folder.resolve("config.properties")));
    }
    assertEquals(leftOver(), List.of());
  }
}
