package org.tsnext.server;

import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.commons.cli.CommandLine;
import org.apache.commons.cli.DefaultParser;
import org.apache.commons.cli.Option;
import org.apache.commons.cli.Options;
import org.apache.commons.cli.ParseException;
import org.tsnext.server.settings.ModelKeys;
import org.tsnext.server.settings.SecurityKeys;
import org.tsnext.server.settings.ServerKeys;
import org.tsnext.server.settings.SettingKey;
import org.tsnext.server.settings.SettingsLoader.Given;

/**
 * The command line of the server process.
 *
 * @param configFile the settings file named there
 * @param settings values by key of the settings
 * @param statusFile where to tell how the start goes
 * @param pidFile names this process; removed at its end
 * @param console whether log lines go to stdout; empty leaves it to the system property
 * @param snapshots whether the models' state is saved and restored
 * @param task what it does
 */
record ServerOptions(
    Optional<String> configFile,
    Map<String, Given> settings,
    Optional<Path> statusFile,
    Optional<Path> pidFile,
    Optional<Boolean> console,
    boolean snapshots,
    Task task) {

  /** What one process does. */
  sealed interface Task {
    record Serve() implements Task {}

    /** Prints the effective settings. */
    record PrintConfig() implements Task {}

    /**
     * Says what works, differs or fails, and starts nothing.
     *
     * @param json for programs
     * @param logConfig the log4j2 files of such a start, as URLs or paths between commas
     * @param problems what the command has found before
     */
    record Check(boolean json, Optional<String> logConfig, List<String> problems) implements Task {
      public Check {
        problems = List.copyOf(problems);
      }
    }
  }

  private static final Option CONFIG =
      option("f", "ts-config-file", "file", "settings file (config.properties)");
  private static final Option PYTHON =
      option("e", "python", "path", "Python interpreter of the workers");
  private static final Option MODELS =
      Option.builder("m")
          .longOpt("models")
          .hasArgs()
          .argName("models")
          .desc("models to load at start: all, none, or (name=)location ...")
          .get();
  private static final Option MODEL_STORE =
      option("s", "model-store", "dir", "directory that holds the models");
  private static final Option NO_SNAPSHOT =
      flag("ncs", "no-config-snapshot", "neither save nor restore the state of the models");
  private static final Option WORKFLOW_STORE =
      option("w", "workflow-store", "dir", "directory that holds workflows");
  private static final Option CPP_LOG =
      option("clog", "cpp-log-config", "file", "log settings of C++ workers, which there are not");
  private static final Option DISABLE_TOKENS =
      flag("dt", "disable-token-auth", "serve without tokens");
  private static final Option MODEL_API =
      flag("mapi", "enable-model-api", "let the management API register and unregister models");
  private static final Option COMPATIBILITY =
      option(null, "compatibility", "version", "0.12 for the answers of TorchServe 0.12");
  private static final Option TS_HOME =
      option(null, "ts-home", "dir", "directory of the Python package ts");
  private static final Option STATUS_FILE =
      option(null, "status-file", "file", "where to tell how the start goes, as JSON");
  private static final Option PID_FILE =
      option(null, "pid-file", "file", "names this process; removed when it ends");
  private static final Option CONSOLE =
      option(null, "console", "on|off", "whether log lines go to stdout");

  /** Tools of TorchServe 0.12 look through all processes for one with its main class as a word. */
  private static final Option KNOWN_AS =
      option(null, "known-as", "word", "a word by which tools find this process; has no effect");

  private static final Option PRINT_CONFIG =
      flag(null, "print-config", "print every setting with its value and source, and exit");
  private static final Option CHECK =
      flag(null, "check", "say what works, what differs from 0.12 and what fails, and exit");
  private static final Option JSON = flag(null, "json", "with --check: as JSON");
  private static final Option CHECK_LOG_CONFIG =
      option(null, "check-log-config", "files", "with --check: the log4j2 files to look at");
  private static final Option CHECK_PROBLEM =
      option(null, "check-problem", "text", "with --check: what was found before, to be told");

  /**
   * Reads the words of the command line.
   *
   * @throws CommandLineException if they make no sense
   */
  static ServerOptions parse(String... words) throws CommandLineException {
    CommandLine line;
    try {
      line = new DefaultParser().parse(options(), words);
    } catch (ParseException e) {
      throw new CommandLineException(e.getMessage());
    }
    if (!line.getArgList().isEmpty()) {
      throw new CommandLineException("Unrecognized word: " + line.getArgList().get(0));
    }
    Map<String, Given> settings = new HashMap<>();
    put(settings, ServerKeys.PYTHON, PYTHON, line.getOptionValue(PYTHON));
    put(settings, ModelKeys.MODEL_STORE, MODEL_STORE, line.getOptionValue(MODEL_STORE));
    put(settings, ModelKeys.WORKFLOW_STORE, WORKFLOW_STORE, line.getOptionValue(WORKFLOW_STORE));
    put(settings, ServerKeys.CPP_LOG_CONFIG, CPP_LOG, line.getOptionValue(CPP_LOG));
    if (line.hasOption(MODELS)) {
      put(settings, ModelKeys.LOAD_MODELS, MODELS, String.join(",", line.getOptionValues(MODELS)));
    }
    if (line.hasOption(DISABLE_TOKENS)) {
      put(settings, SecurityKeys.DISABLE_TOKEN_AUTHORIZATION, DISABLE_TOKENS, "true");
    }
    if (line.hasOption(MODEL_API)) {
      put(settings, ModelKeys.ENABLE_MODEL_API, MODEL_API, "true");
    }
    put(settings, ServerKeys.COMPATIBILITY, COMPATIBILITY, line.getOptionValue(COMPATIBILITY));
    if (line.hasOption(TS_HOME)) {
      put(settings, ServerKeys.MODEL_SERVER_HOME, TS_HOME, parent(line.getOptionValue(TS_HOME)));
    }
    return new ServerOptions(
        Optional.ofNullable(line.getOptionValue(CONFIG)),
        Map.copyOf(settings),
        Optional.ofNullable(line.getOptionValue(STATUS_FILE)).map(Path::of),
        Optional.ofNullable(line.getOptionValue(PID_FILE)).map(Path::of),
        console(line),
        !line.hasOption(NO_SNAPSHOT),
        task(line));
  }

  private static Task task(CommandLine line) {
    if (line.hasOption(CHECK)) {
      String[] problems = line.getOptionValues(CHECK_PROBLEM);
      return new Task.Check(
          line.hasOption(JSON),
          Optional.ofNullable(line.getOptionValue(CHECK_LOG_CONFIG)),
          problems == null ? List.of() : List.of(problems));
    }
    return line.hasOption(PRINT_CONFIG) ? new Task.PrintConfig() : new Task.Serve();
  }

  /** How the server is called, for people. */
  static String usage() {
    StringBuilder text = new StringBuilder("usage: org.tsnext.server.ModelServer [options]\n");
    for (Option option : options().getOptions()) {
      text.append("  ");
      if (option.getOpt() != null) {
        text.append('-').append(option.getOpt()).append(", ");
      }
      text.append("--").append(option.getLongOpt());
      if (option.hasArg()) {
        text.append(" <").append(option.getArgName()).append('>');
      }
      text.append("\n        ").append(option.getDescription()).append('\n');
    }
    return text.toString();
  }

  private static Options options() {
    Options options = new Options();
    for (Option option :
        new Option[] {
          CONFIG,
          PYTHON,
          MODELS,
          MODEL_STORE,
          NO_SNAPSHOT,
          WORKFLOW_STORE,
          CPP_LOG,
          DISABLE_TOKENS,
          MODEL_API,
          COMPATIBILITY,
          TS_HOME,
          STATUS_FILE,
          PID_FILE,
          CONSOLE,
          KNOWN_AS,
          PRINT_CONFIG,
          CHECK,
          JSON,
          CHECK_LOG_CONFIG,
          CHECK_PROBLEM
        }) {
      // Options carry the values they were parsed with, so that each parse needs its own.
      options.addOption((Option) option.clone());
    }
    return options;
  }

  /** Python imports the package by its folder's name, so that it must be called {@code ts}. */
  private static String parent(String home) throws CommandLineException {
    Path path = Path.of(home).toAbsolutePath().normalize();
    if (path.getParent() == null || !path.endsWith("ts")) {
      throw new CommandLineException("--ts-home " + home + ": expected a directory named ts");
    }
    return path.getParent().toString();
  }

  private static Optional<Boolean> console(CommandLine line) throws CommandLineException {
    String value = line.getOptionValue(CONSOLE);
    if (value == null) {
      return Optional.empty();
    }
    return switch (value) {
      case "on" -> Optional.of(true);
      case "off" -> Optional.of(false);
      default -> throw new CommandLineException("--console " + value + ": expected on or off");
    };
  }

  private static void put(
      Map<String, Given> settings, SettingKey<?> key, Option option, String value) {
    if (value != null) {
      settings.put(key.name(), new Given("--" + option.getLongOpt(), value));
    }
  }

  private static Option option(String shortName, String name, String argument, String text) {
    return Option.builder(shortName).longOpt(name).hasArg().argName(argument).desc(text).get();
  }

  private static Option flag(String shortName, String name, String text) {
    return Option.builder(shortName).longOpt(name).desc(text).get();
  }
}
