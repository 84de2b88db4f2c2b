package org.tsnext.worker;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertFalse;
import static org.testng.Assert.assertSame;
import static org.testng.Assert.assertTrue;
import static org.testng.Assert.expectThrows;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
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

/** With the real pip and a wheel that needs no network. */
public class PipModelEnvironmentTest {

  private static final String WHEEL = "tsnexttiny-1.0-py3-none-any.whl";

  private Path folder;
  private Path model;

  @BeforeMethod
  public void makeModel() throws IOException {
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
    assertSame(environment(true).prepare("m", archive(Optional.empty(), false)), Prepared.NOTHING);
  }

  @Test
  public void requirementsAreNotInstalledUnlessTheServerSaysSo() throws IOException {
    Files.writeString(model.resolve("requirements.txt"), "./" + WHEEL);
    ModelArchive archive = archive(Optional.of("requirements.txt"), false);
    assertSame(environment(false).prepare("m", archive), Prepared.NOTHING);
  }

  @Test
  public void requirementsGoToAFolderOfTheirOwnBesideTheModel() throws IOException {
    Files.writeString(model.resolve("requirements.txt"), "./" + WHEEL);
    PipModelEnvironment environment = environment(true);
    Prepared prepared = environment.prepare("m", archive(Optional.of("requirements.txt"), false));
    Path target = prepared.pythonPath().get(0);
    assertTrue(prepared.interpreter().isEmpty());
    assertEquals(target.getParent(), folder);
    assertTrue(Files.exists(target.resolve("tsnexttiny.py")));
    assertFalse(Files.exists(model.resolve("tsnexttiny.py")));
    environment.release(prepared);
    assertFalse(Files.exists(target));
  }

  @Test
  public void aFailingInstallationSaysWhatPipSaidAndLeavesNothing() throws IOException {
    Files.writeString(model.resolve("requirements.txt"), "./missing-1.0-py3-none-any.whl");
    ServingException error =
        expectThrows(
            ServingException.class,
            () -> environment(true).prepare("m", archive(Optional.of("requirements.txt"), false)));
    assertEquals(error.kind(), ErrorKind.MODEL_SETUP_FAILED);
    assertEquals(error.getMessage(), "Custom pip package installation failed for model m");
    assertTrue(error.detail().orElseThrow().contains("missing-1.0"), error.detail().toString());
    assertOnlyTheModelIsLeft();
  }

  @Test
  public void aRequirementsFileOutsideTheModelIsRefused() throws IOException {
    Files.writeString(folder.resolve("r.txt"), "");
    ServingException error =
        expectThrows(
            ServingException.class,
            () -> environment(true).prepare("m", archive(Optional.of("../r.txt"), false)));
    assertEquals(error.detail().orElseThrow(), "requirements file ../r.txt is not in the archive");
    Files.delete(folder.resolve("r.txt"));
    assertOnlyTheModelIsLeft();
  }

  @Test
  public void aVirtualEnvironmentHasItsOwnPackagesAndSeesTheServers() throws Exception {
    Files.writeString(model.resolve("requirements.txt"), "./" + WHEEL);
    PipModelEnvironment environment = environment(true);
    Prepared prepared = environment.prepare("m", archive(Optional.of("requirements.txt"), true));
    Path interpreter = prepared.interpreter().orElseThrow();
    String script =
        "import tsnexttiny, sys, site; base = sys.argv[1]\n"
            + "print(tsnexttiny.__file__.startswith(sys.prefix), base in sys.path)";
    String base = python("python3", "import site; print(site.getsitepackages()[0])").strip();
    assertEquals(python(interpreter.toString(), script, base).strip(), "True True");
    environment.release(prepared);
    assertOnlyTheModelIsLeft();
  }

  @Test
  public void aVirtualEnvironmentThatCannotBeMadeFailsTheRegistration() throws IOException {
    PipModelEnvironment environment =
        new PipModelEnvironment(
            "/no/such/python", true, inherited(), folder, Duration.ofMinutes(1));
    ServingException error =
        expectThrows(
            ServingException.class,
            () -> environment.prepare("m", archive(Optional.empty(), true)));
    assertEquals(error.getMessage(), "Virtual environment creation failed for model m");
    assertOnlyTheModelIsLeft();
  }

  private void assertOnlyTheModelIsLeft() throws IOException {
    try (Stream<Path> left = Files.list(folder)) {
      assertEquals(left.toList(), List.of(model));
    }
  }

  private PipModelEnvironment environment(boolean install) {
    return new PipModelEnvironment("python3", install, inherited(), folder, Duration.ofMinutes(2));
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
            Optional.empty(),
            requirements,
            Optional.empty(),
            Optional.empty(),
            "python");
    return new ModelArchive("m.mar", "m.mar", model, Optional.of(manifest), config(venv), true);
  }

  private static ModelConfig config(boolean venv) {
    ModelConfig none = ModelConfig.none();
    return new ModelConfig(
        none.minWorkers(),
        none.maxWorkers(),
        none.batchSize(),
        none.maxBatchDelay(),
        none.adaptiveBatchDelay(),
        none.responseTimeout(),
        none.startupTimeout(),
        none.deviceType(),
        none.deviceIds(),
        none.parallelType(),
        none.parallelLevel(),
        none.useJobTicket(),
        none.maxRetryTimeout(),
        none.clientTimeout(),
        none.jobQueueSize(),
        none.continuousBatching(),
        none.sequenceBatching(),
        none.asyncCommunication(),
        venv,
        none.sequenceMaxIdle(),
        none.sequenceTimeout(),
        none.maxNumSequence(),
        none.maxSequenceJobQueueSize(),
        none.retryOnWorkerDeath(),
        none.workerStart(),
        none.preloadModel(),
        none.unknownKeys());
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
