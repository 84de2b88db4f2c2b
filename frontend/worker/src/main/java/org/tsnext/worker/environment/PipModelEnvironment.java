package org.tsnext.worker.environment;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tsnext.archive.Manifest;
import org.tsnext.archive.ModelArchive;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.worker.ModelEnvironment;

/**
 * Installs a model's requirements with pip: into a private folder, or into a virtual environment
 * where its configuration says {@code useVenv}. The virtual environment also sees the packages of
 * the server's interpreter, behind its own. What is made of the same requirements is made once.
 */
public final class PipModelEnvironment implements ModelEnvironment {

  private static final Logger LOG = LoggerFactory.getLogger(PipModelEnvironment.class);

  /** The only runtime whose interpreter a virtual environment may replace. */
  private static final String DEFAULT_RUNTIME = "python";

  private static final String INHERITED = "inherited-site-packages.pth";
  private static final String VENV = "venv";
  private static final String PACKAGES = "packages";

  /**
   * Marks the lines that answer a question, among the other lines that Python prints at its start.
   */
  private static final String PATH_PREFIX = "path=";

  private static final String PRINT_BASE_PACKAGES =
      """
      import site
      user = [site.getusersitepackages()] if site.ENABLE_USER_SITE else []
      for path in user + site.getsitepackages(): print('path=' + path)
      """;
  private static final String PRINT_OWN_PACKAGES =
      "import sysconfig; print('path=' + sysconfig.get_path('purelib'))";
  private static final String PRINT_IDENTITY =
      """
      import platform, site, sys
      user = site.getusersitepackages() if site.ENABLE_USER_SITE else ''
      print('path=' + repr((sys.version, sys.executable, sys.prefix, platform.platform(), user)))
      """;

  /** Who goes to an index of packages, and with which password. */
  private static final Pattern USER_INFO = Pattern.compile("(?<=://)[^/\\s@]+@");

  private final String python;
  private final boolean installRequirements;
  private final ProcessEnvironment environment;
  private final Duration timeout;
  private final EnvironmentCache cache;

  /** What the server's interpreter says of itself, once it was asked. */
  private final AtomicReference<String> identity = new AtomicReference<>();

  /**
   * @param python the server's interpreter
   * @param installRequirements {@code install_py_dep_per_model}
   * @param cache folder for what is installed
   * @param cacheIsKept whether that outlives the server
   * @param timeout for each command
   */
  public PipModelEnvironment(
      String python,
      boolean installRequirements,
      ProcessEnvironment environment,
      Path cache,
      boolean cacheIsKept,
      Duration timeout) {
    this.python = python;
    this.installRequirements = installRequirements;
    this.environment = environment;
    this.timeout = timeout;
    this.cache = new EnvironmentCache(cache, cacheIsKept);
  }

  @Override
  public Prepared prepare(String modelName, ModelArchive archive, Consumer<String> progress) {
    boolean venv = archive.config().workers().useVenv() && runtime(archive).equals(DEFAULT_RUNTIME);
    Optional<String> requirements =
        installRequirements
            ? archive.manifest().flatMap(manifest -> manifest.files().requirementsFile())
            : Optional.empty();
    if (!venv && requirements.isEmpty()) {
      return Prepared.NOTHING;
    }
    progress.accept("Looking for an environment of the same packages");
    Making making = new Making(modelName, archive, venv, progress);
    try {
      Path file = requirements.isPresent() ? making.requirementsFile(requirements.get()) : null;
      Path folder =
          cache.acquire(
              making.key(file),
              place -> making.make(place, file),
              () -> progress.accept("Waiting for another model's installation of the same"));
      return making.prepared(folder);
    } catch (IOException e) {
      throw failed(making.failure, e.toString());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw failed(making.failure, "interrupted");
    }
  }

  @Override
  public void release(Prepared prepared) {
    if (prepared.needsSpawn()) {
      cache.release(prepared.interpreter().orElseGet(() -> prepared.pythonPath().get(0)));
    }
  }

  /** One model's environment on its way. */
  private final class Making {
    private final String failure;
    private final String modelName;
    private final Path model;
    private final boolean venv;
    private final Consumer<String> progress;

    Making(String modelName, ModelArchive archive, boolean venv, Consumer<String> progress) {
      this.modelName = modelName;
      this.model = archive.directory().toAbsolutePath().normalize();
      this.venv = venv;
      this.progress = progress;
      this.failure =
          venv
              ? "Virtual environment creation failed for model " + modelName
              : pipFailure(modelName);
    }

    Path requirementsFile(String name) {
      Path file = model.resolve(name).normalize();
      if (!file.startsWith(model) || !Files.isRegularFile(file)) {
        throw failed(pipFailure(modelName), "requirements file " + name + " is not in the archive");
      }
      return file;
    }

    String key(Path requirements) throws IOException, InterruptedException {
      if (identity.get() == null) {
        identity.set(String.join("\n", ask(python, PRINT_IDENTITY)));
      }
      return EnvironmentKey.of(
          List.of(identity.get(), venv ? VENV : PACKAGES),
          environment.allowed(),
          requirements,
          model);
    }

    void make(Path folder, Path requirements) throws IOException, InterruptedException {
      if (venv) {
        makeVenv(folder.resolve(VENV));
      } else {
        Files.createDirectory(folder.resolve(PACKAGES));
      }
      if (requirements != null) {
        install(prepared(folder), requirements);
      }
    }

    Prepared prepared(Path folder) {
      return venv
          ? new Prepared(Optional.of(interpreterOf(folder.resolve(VENV))), List.of())
          : new Prepared(Optional.empty(), List.of(folder.resolve(PACKAGES)));
    }

    private void install(Prepared prepared, Path requirements)
        throws IOException, InterruptedException {
      List<String> command = new ArrayList<>();
      command.add(prepared.interpreter().map(Path::toString).orElse(python));
      command.addAll(
          List.of("-m", "pip", "install", "--no-input", "--disable-pip-version-check", "-U"));
      if (prepared.interpreter().isPresent()) {
        command.addAll(List.of("--upgrade-strategy", "only-if-needed"));
      } else {
        command.addAll(List.of("-t", prepared.pythonPath().get(0).toString()));
      }
      command.addAll(List.of("-r", requirements.toString()));
      LOG.info("Installing the requirements of model {} from {}", modelName, requirements);
      run(command, pipFailure(modelName));
    }

    private void makeVenv(Path folder) throws IOException, InterruptedException {
      progress.accept("Making a virtual environment");
      run(List.of(python, "-m", "venv", "--clear", folder.toString()), failure);
      Path interpreter = interpreterOf(folder);
      List<String> base = ask(python, PRINT_BASE_PACKAGES);
      List<String> own = ask(interpreter.toString(), PRINT_OWN_PACKAGES);
      if (own.isEmpty()) {
        throw failed(failure, interpreter + " did not print the folder of its packages");
      }
      Files.write(Path.of(own.get(0)).resolve(INHERITED), base);
    }

    private List<String> ask(String interpreter, String script)
        throws IOException, InterruptedException {
      CommandRun.Result result =
          CommandRun.run(
              List.of(interpreter, "-c", script),
              model,
              environment.allowed(),
              timeout,
              line -> LOG.debug("{}", line));
      if (!result.succeeded()) {
        throw failed(failure, withoutSecrets(result.text()));
      }
      Stream<String> lines = result.lastLines().stream();
      return lines
          .filter(line -> line.startsWith(PATH_PREFIX))
          .map(line -> line.substring(PATH_PREFIX.length()))
          .toList();
    }

    private void run(List<String> command, String onFailure)
        throws IOException, InterruptedException {
      CommandRun.Result result =
          CommandRun.run(command, model, environment.allowed(), timeout, this::output);
      if (!result.succeeded()) {
        String said = withoutSecrets(result.text());
        LOG.warn("{}: {}", onFailure, said);
        throw failed(onFailure, said);
      }
    }

    private void output(String line) {
      String shown = withoutSecrets(line);
      LOG.debug("{}", shown);
      progress.accept(shown);
    }
  }

  private static Path interpreterOf(Path venv) {
    return venv.resolve("bin").resolve("python");
  }

  private static String withoutSecrets(String text) {
    return USER_INFO.matcher(text).replaceAll("***@");
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
}
