package org.tsnext.worker;

import java.io.IOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tsnext.archive.Manifest;
import org.tsnext.archive.ModelArchive;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.worker.ModelEnvironment;

/**
 * Installs a model's requirements with pip: into a private folder, or into a virtual environment of
 * the model's own where its configuration says {@code useVenv}. The virtual environment also sees
 * the packages of the server's interpreter, behind its own.
 */
public final class PipModelEnvironment implements ModelEnvironment {

  private static final Logger LOG = LoggerFactory.getLogger(PipModelEnvironment.class);

  /** The only runtime whose interpreter a virtual environment may replace. */
  private static final String DEFAULT_RUNTIME = "python";

  private static final String INHERITED = "inherited-site-packages.pth";

  /** Marks the lines that answer a question, among whatever else Python prints at its start. */
  private static final String ANSWER = "path=";

  private static final String PRINT_BASE_PACKAGES =
      """
      import site
      user = [site.getusersitepackages()] if site.ENABLE_USER_SITE else []
      for path in user + site.getsitepackages(): print('path=' + path)
      """;
  private static final String PRINT_OWN_PACKAGES =
      "import sysconfig; print('path=' + sysconfig.get_path('purelib'))";

  private final String python;
  private final boolean installRequirements;
  private final ProcessEnvironment environment;
  private final Path temporaryDirectory;
  private final Duration timeout;

  /** Folders by what was prepared in them, so that nothing else is ever removed. */
  private final Map<Path, Path> folders = new ConcurrentHashMap<>();

  /**
   * @param python the server's interpreter
   * @param installRequirements {@code install_py_dep_per_model}
   * @param temporaryDirectory for models whose own folder is not ours to write beside
   * @param timeout for each command
   */
  public PipModelEnvironment(
      String python,
      boolean installRequirements,
      ProcessEnvironment environment,
      Path temporaryDirectory,
      Duration timeout) {
    this.python = python;
    this.installRequirements = installRequirements;
    this.environment = environment;
    this.temporaryDirectory = temporaryDirectory;
    this.timeout = timeout;
  }

  @Override
  public Prepared prepare(String modelName, ModelArchive archive) {
    boolean venv = archive.config().useVenv() && runtime(archive).equals(DEFAULT_RUNTIME);
    Optional<String> requirements =
        installRequirements
            ? archive.manifest().flatMap(Manifest::requirementsFile)
            : Optional.empty();
    if (!venv && requirements.isEmpty()) {
      return Prepared.NOTHING;
    }
    String failure =
        venv ? "Virtual environment creation failed for model " + modelName : pipFailure(modelName);
    Path folder = makeFolder(archive, failure);
    boolean done = false;
    try {
      Prepared prepared;
      if (venv) {
        Path interpreter = makeVenv(folder, failure);
        prepared = new Prepared(Optional.of(interpreter), List.of());
      } else {
        prepared = new Prepared(Optional.empty(), List.of(folder));
      }
      if (requirements.isPresent()) {
        install(modelName, archive, requirements.get(), prepared);
      }
      folders.put(key(prepared), folder);
      done = true;
      return prepared;
    } finally {
      if (!done) {
        remove(folder);
      }
    }
  }

  @Override
  public void release(Prepared prepared) {
    if (prepared.needsSpawn()) {
      Path folder = folders.remove(key(prepared));
      if (folder != null) {
        remove(folder);
      }
    }
  }

  private void install(
      String modelName, ModelArchive archive, String requirements, Prepared prepared) {
    String failure = pipFailure(modelName);
    Path model = archive.directory().toAbsolutePath().normalize();
    Path file = model.resolve(requirements).normalize();
    if (!file.startsWith(model) || !Files.isRegularFile(file)) {
      throw failed(failure, "requirements file " + requirements + " is not in the archive");
    }
    List<String> command = new ArrayList<>();
    command.add(prepared.interpreter().map(Path::toString).orElse(python));
    command.addAll(
        List.of("-m", "pip", "install", "--no-input", "--disable-pip-version-check", "-U"));
    if (prepared.interpreter().isPresent()) {
      command.addAll(List.of("--upgrade-strategy", "only-if-needed"));
    } else {
      command.addAll(List.of("-t", prepared.pythonPath().get(0).toString()));
    }
    command.addAll(List.of("-r", file.toString()));
    LOG.info("Installing the requirements of model {} from {}", modelName, file);
    run(command, model, failure);
  }

  private Path makeVenv(Path folder, String failure) {
    run(List.of(python, "-m", "venv", "--clear", folder.toString()), folder, failure);
    Path interpreter = folder.resolve("bin").resolve("python");
    List<String> base = ask(python, PRINT_BASE_PACKAGES, folder, failure);
    List<String> own = ask(interpreter.toString(), PRINT_OWN_PACKAGES, folder, failure);
    if (own.isEmpty()) {
      throw failed(failure, interpreter + " did not tell where its packages are");
    }
    try {
      Files.write(Path.of(own.get(0)).resolve(INHERITED), base);
    } catch (IOException e) {
      throw failed(failure, e.toString());
    }
    return interpreter;
  }

  private List<String> ask(String interpreter, String script, Path folder, String failure) {
    Stream<String> lines =
        run(List.of(interpreter, "-c", script), folder, failure).lastLines().stream();
    return lines
        .filter(line -> line.startsWith(ANSWER))
        .map(line -> line.substring(ANSWER.length()))
        .toList();
  }

  private CommandRun.Result run(List<String> command, Path folder, String failure) {
    CommandRun.Result result;
    try {
      result =
          CommandRun.run(
              command, folder, environment.allowed(), timeout, line -> LOG.debug("{}", line));
    } catch (IOException e) {
      throw failed(failure, e.getMessage());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw failed(failure, "interrupted");
    }
    if (!result.succeeded()) {
      LOG.warn("{}: {}", failure, result.text());
      throw failed(failure, result.text());
    }
    return result;
  }

  private Path makeFolder(ModelArchive archive, String failure) {
    Path model = archive.directory().toAbsolutePath();
    Path parent =
        archive.temporary() && model.getParent() != null ? model.getParent() : temporaryDirectory;
    try {
      return Files.createTempDirectory(parent, model.getFileName() + "-packages-").toAbsolutePath();
    } catch (IOException e) {
      throw failed(failure, e.toString());
    }
  }

  private static String runtime(ModelArchive archive) {
    return archive.manifest().map(Manifest::runtime).orElse(DEFAULT_RUNTIME);
  }

  private static String pipFailure(String modelName) {
    return "Custom pip package installation failed for model " + modelName;
  }

  private static ServingException failed(String failure, String detail) {
    return new ServingException(ErrorKind.MODEL_SETUP_FAILED, failure).withDetail(detail);
  }

  private static Path key(Prepared prepared) {
    return prepared.interpreter().orElseGet(() -> prepared.pythonPath().get(0));
  }

  private static void remove(Path folder) {
    try {
      Files.walkFileTree(folder, Set.of(), Integer.MAX_VALUE, new Deleter());
    } catch (IOException e) {
      LOG.warn("Cannot remove {}: {}", folder, e.toString());
    }
  }

  /** Removes a tree; links are removed, not followed. */
  private static final class Deleter extends SimpleFileVisitor<Path> {
    @Override
    public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws IOException {
      Files.delete(file);
      return FileVisitResult.CONTINUE;
    }

    @Override
    public FileVisitResult postVisitDirectory(Path directory, IOException error)
        throws IOException {
      if (error != null) {
        throw error;
      }
      Files.delete(directory);
      return FileVisitResult.CONTINUE;
    }
  }
}
