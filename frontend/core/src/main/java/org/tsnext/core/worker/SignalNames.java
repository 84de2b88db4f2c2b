package org.tsnext.core.worker;

import java.util.Map;

/** The names of the signals that end processes, by their numbers on Linux. */
final class SignalNames {

  /** Above it, the exit code of a shell or launcher tells the signal that ended its child. */
  private static final int OF_CHILD = 128;

  private static final Map<Integer, String> NAMES =
      Map.ofEntries(
          Map.entry(1, "SIGHUP"),
          Map.entry(2, "SIGINT"),
          Map.entry(3, "SIGQUIT"),
          Map.entry(4, "SIGILL"),
          Map.entry(6, "SIGABRT"),
          Map.entry(7, "SIGBUS"),
          Map.entry(8, "SIGFPE"),
          Map.entry(9, "SIGKILL"),
          Map.entry(11, "SIGSEGV"),
          Map.entry(13, "SIGPIPE"),
          Map.entry(14, "SIGALRM"),
          Map.entry(15, "SIGTERM"),
          Map.entry(24, "SIGXCPU"),
          Map.entry(31, "SIGSYS"));

  private SignalNames() {}

  /** {@code " (SIGSEGV)"}, or nothing for a number that ends no process here. */
  static String ofSignal(int signal) {
    String name = NAMES.get(signal);
    return name == null ? "" : " (" + name + ")";
  }

  /** The same for an exit code that tells a signal. */
  static String ofExitCode(int code) {
    return code > OF_CHILD ? ofSignal(code - OF_CHILD) : "";
  }
}
