package org.tsnext.worker.environment;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertFalse;
import static org.testng.Assert.assertNotEquals;
import static org.testng.Assert.assertSame;
import static org.testng.Assert.assertTrue;
import static org.testng.Assert.expectThrows;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.testng.annotations.AfterMethod;
import org.testng.annotations.BeforeMethod;
import org.testng.annotations.Test;
import org.tsnext.archive.Manifest;
import org.tsnext.archive.ModelArchive;
import org.tsnext.archive.ModelConfig;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.worker.ModelEnvironment.Prepared;
import org.tsnext.worker.Condition;

/** With the real pip and a wheel that needs no network. */
public class PipModelEnvironmentTest {

  private static final String WHEEL = "tsnexttiny-1.0-py3-none-any.whl";

  private Path folder;
  private Path model;

  /** What installations tell, of all threads. */
  private final List<String> progress = new CopyOnWriteArrayList<>();

  @BeforeMethod
  public void makeModel() throws IOException {
    progress.clear();
    folder = Files.createTempDirectory("pip-test-");
    model = Files.createDirectory(folder.resolve("model"));
    makeWheel(model.resolve(WHEEL));
  }

  @AfterMethod(alwaysRun = true)
  public void remove() throws IOException {
    try (Stream<Path> files = Files.walk(folder)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    }
  }

  @Test
  public void aModelWithoutRequirementsNeedsNothing() {
    assertSame(
        environment(true).prepare("m", archive(Optional.empty(), false), progress::add),
        Prepared.NOTHING);
    assertEquals(progress, List.of());
  }

  @Test
  public void requirementsAreNotInstalledUnlessTheServerSaysSo() throws IOException {
    Files.writeString(model.resolve("requirements.txt"), "./" + WHEEL);
    ModelArchive archive = archive(Optional.of("requirements.txt"), false);
    assertSame(environment(false).prepare("m", archive, progress::add), Prepared.NOTHING);
  }

  @Test
  public void requirementsGoToAPrivateFolderThatGoesWithTheModel() throws IOException {
    Files.writeString(model.resolve("requirements.txt"), "./" + WHEEL);
    PipModelEnvironment environment = environment(true);
    Prepared prepared = prepare(environment, "m");
    Path target = prepared.pythonPath().get(0);
    assertTrue(prepared.interpreter().isEmpty());
    assertTrue(target.startsWith(cache()));
    assertEquals(
        PosixFilePermissions.toString(Files.getPosixFilePermissions(cache())), "rwx------");
    assertTrue(Files.exists(target.resolve("tsnexttiny.py")));
    assertFalse(Files.exists(model.resolve("tsnexttiny.py")));
    assertTrue(
        progress.stream().anyMatch(line -> line.contains("tsnexttiny")), progress.toString());
    environment.release(prepared);
    assertFalse(Files.exists(target));
    assertNothingIsLeft();
  }

  @Test
  public void theSameRequirementsAreInstalledOnceAndStayUntilTheLastModelGoes() throws Exception {
    Files.writeString(model.resolve("requirements.txt"), "./" + WHEEL);
    PipModelEnvironment environment = environment(true);
    ExecutorService threads = Executors.newFixedThreadPool(3);
    try {
      List<Future<Prepared>> all =
          threads.invokeAll(
              List.of(
                  () -> prepare(environment, "a"),
                  () -> prepare(environment, "b"),
                  () -> prepare(environment, "c")));
      Path target = all.get(0).get().pythonPath().get(0);
      for (Future<Prepared> each : all) {
        assertEquals(each.get().pythonPath(), List.of(target));
      }
      assertEquals(
          progress.stream().filter(line -> line.startsWith("Successfully installed")).count(), 1);
      environment.release(all.get(0).get());
      environment.release(all.get(1).get());
      assertTrue(Files.exists(target));
      environment.release(all.get(2).get());
      assertFalse(Files.exists(target));
    } finally {
      threads.shutdownNow();
    }
  }

  @Test
  public void otherRequirementsAreAnotherEnvironment() throws IOException {
    Files.writeString(model.resolve("requirements.txt"), "./" + WHEEL);
    PipModelEnvironment environment = environment(true);
    Prepared first = prepare(environment, "m");
    Files.writeString(model.resolve("requirements.txt"), "# another text\n./" + WHEEL);
    Prepared second = prepare(environment, "m");
    assertNotEquals(first.pythonPath(), second.pythonPath());
    environment.release(first);
    environment.release(second);
  }

  @Test
  public void aCacheThatIsKeptServesTheNextStartAndAHalfMadeFolderIsMadeAgain() throws Exception {
    Files.writeString(model.resolve("requirements.txt"), "./" + WHEEL);
    Prepared first = prepare(keeping(), "m");
    Path target = first.pythonPath().get(0);
    keeping().release(first);
    assertTrue(Files.exists(target));
    progress.clear();
    assertEquals(prepare(keeping(), "m").pythonPath(), List.of(target));
    assertEquals(progress.size(), 1, progress.toString());
    Files.delete(target.resolveSibling("complete"));
    Files.delete(target.resolve("tsnexttiny.py"));
    assertEquals(prepare(keeping(), "m").pythonPath(), List.of(target));
    assertTrue(Files.exists(target.resolve("tsnexttiny.py")));
  }

  @Test
  public void aCacheThatOthersMayWriteToIsRefused() throws IOException {
    Files.writeString(model.resolve("requirements.txt"), "./" + WHEEL);
    Files.createDirectory(cache());
    Files.setPosixFilePermissions(cache(), PosixFilePermissions.fromString("rwxrwxrwx"));
    ServingException error = expectThrows(ServingException.class, () -> prepare(keeping(), "m"));
    assertTrue(error.detail().orElseThrow().contains("private"), error.detail().toString());
  }

  @Test
  public void aPasswordOfAnIndexIsShownNowhere() throws IOException {
    Files.writeString(
        model.resolve("requirements.txt"),
        "--find-links http://user:hidden@127.0.0.1:1/simple\nno-such-package-anywhere\n");
    ServingException error =
        expectThrows(ServingException.class, () -> prepare(environment(true), "m"));
    assertFalse(error.detail().orElseThrow().contains("hidden"), error.detail().toString());
    assertFalse(progress.toString().contains("hidden"), progress.toString());
    assertNothingIsLeft();
  }

  @Test
  public void anInterruptEndsAnInstallationAndLeavesNothing() throws Exception {
    Files.writeString(model.resolve("requirements.txt"), "./slow");
    Files.createDirectory(model.resolve("slow"));
    Files.writeString(
        model.resolve("slow/setup.py"), "import time\nopen('started', 'w')\ntime.sleep(600)\n");
    CompletableFuture<Throwable> outcome = new CompletableFuture<>();
    Thread thread =
        new Thread(
            () -> {
              try {
                prepare(environment(true), "m");
                outcome.complete(null);
              } catch (ServingException e) {
                outcome.complete(e);
              }
            });
    thread.start();
    Condition.await(
        Duration.ofMinutes(1),
        () -> progress.stream().anyMatch(line -> line.contains("slow")),
        () -> "pip started: " + progress);
    thread.interrupt();
    ServingException error = (ServingException) outcome.get(60, TimeUnit.SECONDS);
    assertEquals(error.detail().orElseThrow(), "interrupted");
    assertNothingIsLeft();
  }

  @Test
  public void aFailingInstallationSaysWhatPipSaidAndLeavesNothing() throws IOException {
    Files.writeString(model.resolve("requirements.txt"), "./missing-1.0-py3-none-any.whl");
    ServingException error =
        expectThrows(ServingException.class, () -> prepare(environment(true), "m"));
    assertEquals(error.kind(), ErrorKind.MODEL_SETUP_FAILED);
    assertEquals(error.getMessage(), "Custom pip package installation failed for model m");
    assertTrue(error.detail().orElseThrow().contains("missing-1.0"), error.detail().toString());
    assertNothingIsLeft();
  }

  @Test
  public void aRequirementsFileOutsideTheModelIsRefused() throws IOException {
    Files.writeString(folder.resolve("r.txt"), "");
    ServingException error =
        expectThrows(
            ServingException.class,
            () ->
                environment(true)
                    .prepare("m", archive(Optional.of("../r.txt"), false), progress::add));
    assertEquals(error.detail().orElseThrow(), "requirements file ../r.txt is not in the archive");
    Files.delete(folder.resolve("r.txt"));
    assertNothingIsLeft();
  }

  @Test
  public void aVirtualEnvironmentHasItsOwnPackagesAndSeesTheServers() throws Exception {
    Files.writeString(model.resolve("requirements.txt"), "./" + WHEEL);
    PipModelEnvironment environment = environment(true);
    Prepared prepared =
        environment.prepare("m", archive(Optional.of("requirements.txt"), true), progress::add);
    Path interpreter = prepared.interpreter().orElseThrow();
    String script =
        "import tsnexttiny, sys, site; base = sys.argv[1]\n"
            + "print(tsnexttiny.__file__.startswith(sys.prefix), base in sys.path)";
    String base = python("python3", "import site; print(site.getsitepackages()[0])").strip();
    assertEquals(python(interpreter.toString(), script, base).strip(), "True True");
    environment.release(prepared);
    assertNothingIsLeft();
  }

  @Test
  public void aVirtualEnvironmentThatCannotBeMadeFailsTheRegistration() throws IOException {
    PipModelEnvironment environment =
        new PipModelEnvironment(
            "/no/such/python", true, inherited(), cache(), false, Duration.ofMinutes(1));
    ServingException error =
        expectThrows(
            ServingException.class,
            () -> environment.prepare("m", archive(Optional.empty(), true), progress::add));
    assertEquals(error.getMessage(), "Virtual environment creation failed for model m");
    assertNothingIsLeft();
  }

  private void assertNothingIsLeft() throws IOException {
    try (Stream<Path> left = Files.walk(folder)) {
      assertEquals(
          left.filter(path -> !path.startsWith(model) && !path.equals(folder))
              .filter(path -> !path.equals(cache()) && !path.toString().endsWith(".lock"))
              .toList(),
          List.of());
    }
  }

  private Path cache() {
    return folder.resolve("cache");
  }

  private Prepared prepare(PipModelEnvironment environment, String name) {
    return environment.prepare(
        name, archive(Optional.of("requirements.txt"), false), progress::add);
  }

  private PipModelEnvironment environment(boolean install) {
    return new PipModelEnvironment(
        "python3", install, inherited(), cache(), false, Duration.ofMinutes(5));
  }

  private PipModelEnvironment keeping() {
    return new PipModelEnvironment(
        "python3", true, inherited(), cache(), true, Duration.ofMinutes(5));
  }

  private static ProcessEnvironment inherited() {
    return new ProcessEnvironment(withoutIndex(System.getenv()), Optional.empty(), Set.of());
  }

  /** pip must not go to the network here. */
  private static Map<String, String> withoutIndex(Map<String, String> environment) {
    Map<String, String> offline = new HashMap<>(environment);
    offline.put("PIP_NO_INDEX", "1");
    return offline;
  }

  private ModelArchive archive(Optional<String> requirements, boolean venv) {
    Manifest manifest =
        new Manifest(
            Optional.of("m"),
            Optional.empty(),
            Optional.empty(),
            Optional.empty(),
            "python",
            new Manifest.NamedFiles(
                Optional.empty(), Optional.empty(), requirements, Optional.empty()));
    return new ModelArchive("m.mar", "m.mar", model, Optional.of(manifest), config(venv), true);
  }

  private static ModelConfig config(boolean venv) {
    ModelConfig none = ModelConfig.none();
    return new ModelConfig(
        new ModelConfig.Workers(
            none.workers().min(),
            none.workers().max(),
            none.workers().start(),
            none.workers().preloadModel(),
            none.workers().templateImports(),
            venv,
            none.workers().maxFailuresInRow()),
        new ModelConfig.Batching(
            none.batching().size(),
            none.batching().maxDelay(),
            none.batching().adaptiveDelay(),
            none.batching().continuous(),
            none.batching().asyncCommunication(),
            none.batching().concurrency()),
        new ModelConfig.Timeouts(
            none.timeouts().response(),
            none.timeouts().startup(),
            none.timeouts().maxRetry(),
            none.timeouts().client()),
        new ModelConfig.Devices(
            none.devices().type(),
            none.devices().ids(),
            none.devices().parallelType(),
            none.devices().parallelLevel(),
            none.devices().torchrun(),
            none.devices().ownCores()),
        new ModelConfig.Requests(
            new ModelConfig.Queue(
                none.queue().capacity(),
                none.queue().useJobTicket(),
                none.queue().retryOnWorkerDeath()),
            new ModelConfig.Sequences(
                none.sequences().batching(),
                none.sequences().maxIdle(),
                none.sequences().timeout(),
                none.sequences().maxNumber(),
                none.sequences().queueCapacity()),
            none.requests().servedNames(),
            none.requests().warmup()),
        new ModelConfig.Findings(none.findings().unknownKeys(), none.findings().corrections()));
  }

  private String python(String interpreter, String script, String... arguments) throws Exception {
    List<String> command = new ArrayList<>(List.of(interpreter, "-c", script));
    command.addAll(List.of(arguments));
    CommandRun.Result result =
        CommandRun.run(command, folder, System.getenv(), Duration.ofSeconds(30), line -> {});
    assertTrue(result.succeeded(), result.text());
    return result.text();
  }

  private static void makeWheel(Path file) throws IOException {
    String info = "tsnexttiny-1.0.dist-info/";
    try (ZipOutputStream zip = new ZipOutputStream(Files.newOutputStream(file))) {
      put(zip, "tsnexttiny.py", "VALUE = 1\n");
      put(zip, info + "METADATA", "Metadata-Version: 2.1\nName: tsnexttiny\nVersion: 1.0\n");
      put(zip, info + "WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n");
      put(
          zip,
          info + "RECORD",
          "tsnexttiny.py,,\n" + info + "METADATA,,\n" + info + "WHEEL,,\n" + info + "RECORD,,\n");
    }
  }

  private static void put(ZipOutputStream zip, String name, String text) throws IOException {
    zip.putNextEntry(new ZipEntry(name));
    zip.write(text.getBytes(StandardCharsets.UTF_8));
    zip.closeEntry();
  }
}
