package org.tsnext.server;

import java.util.Map;
import java.util.Optional;
import org.tsnext.server.logging.Logging;

/**
 * The server process. Exit statuses: 2 for a command line that makes no sense, 1 for a start that
 * failed, 128 and the signal's number after a signal.
 */
public final class ModelServer {
  private static final int USAGE_ERROR = 2;

  /** If it is {@code off}, the process that has started the server says so. */
  private static final String ANNOUNCE_PROPERTY = "tsnext.announce";

  private ModelServer() {}

  /** Runs a server until a signal ends it. */
  public static void main(String[] words) {
    ServerOptions options;
    try {
      options = ServerOptions.parse(words);
    } catch (CommandLineException e) {
      System.out.println(e.getMessage());
      System.out.print(ServerOptions.usage());
      System.exit(USAGE_ERROR);
      return;
    }
    // Before the first logger is made, since log4j reads it then.
    if (options.task() instanceof ServerOptions.Task.Check) {
      Logging.switchOff();
    }
    Logging.showOnConsole(options.console());
    Map<String, String> environment =
        OperatorEnvironment.of(
            System.getenv(), Optional.ofNullable(System.getProperty(OperatorEnvironment.PROPERTY)));
    boolean announces = !"off".equals(System.getProperty(ANNOUNCE_PROPERTY));
    System.exit(new ServerProcess(options, environment, System.out, announces).run());
  }
}
