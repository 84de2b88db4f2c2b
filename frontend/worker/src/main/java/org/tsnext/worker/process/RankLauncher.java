package org.tsnext.worker.process;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.tsnext.archive.ModelConfig.Torchrun;
import org.tsnext.core.worker.WorkerSpec;
import org.tsnext.core.worker.WorkerSpec.RankGroup;

/** How the processes of one worker are started: by torchrun, torch's own launcher. */
final class RankLauncher {

  private RankLauncher() {}

  /**
   * What stands between the interpreter and the program that each process runs.
   *
   * @param packageDirectory the folder of the Python package {@code ts}, whose start file has the
   *     processes meet at a port of the loopback that the system chooses: no two workers or servers
   *     can meet at it
   * @param logFolder for torchrun's files
   */
  static List<String> prefix(
      WorkerSpec spec, RankGroup ranks, Path packageDirectory, Path logFolder) {
    List<String> words = new ArrayList<>();
    words.add(packageDirectory.resolve("_ranks").resolve("launch.py").toString());
    words.addAll(List.of("--nnodes", "1"));
    words.addAll(List.of("--nproc-per-node", Integer.toString(ranks.size())));
    words.addAll(List.of("--rdzv-id", spec.modelName() + "_" + spec.workerId()));
    // The server replaces the worker as a whole.
    words.addAll(List.of("--max-restarts", "0"));
    words.addAll(List.of("--log-dir", logFolder.toString()));
    ranks
        .torchrun()
        .monitorSeconds()
        .ifPresent(
            seconds -> words.addAll(List.of("--monitor-interval", Integer.toString(seconds))));
    return words;
  }

  /** Variables of the launcher and of all processes. */
  static Map<String, String> environment(RankGroup ranks) {
    Torchrun torchrun = ranks.torchrun();
    return Map.of("OMP_NUM_THREADS", Integer.toString(torchrun.ompThreads()));
  }
}
