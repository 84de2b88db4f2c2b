package org.tsnext.archive;

import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/** The top-level keys of model-config.yaml that mean something. */
public final class ModelConfigKeys {

  private static final String WHOLE = "a whole number";
  private static final String FLAG = "true or false";

  /** Keys the frontend reads, in the order in which people read about them. */
  static final List<Key> FRONTEND =
      List.of(
          new Key(
              "minWorkers",
              "2",
              WHOLE + ", 1 or more",
              "`initial_workers` of the request; `models`; `default_workers_per_model`",
              "Workers at the start."),
          new Key(
              "maxWorkers",
              "4",
              WHOLE + ", `minWorkers` or more",
              "`minWorkers`",
              "Workers at most. It has no effect without `minWorkers`."),
          new Key(
              "batchSize",
              "8",
              WHOLE + " from 1 to 4096",
              "`models`; 1",
              "Requests that the handler gets in one call, at most."),
          new Key(
              "maxBatchDelay",
              "adaptive",
              WHOLE + " of milliseconds, 0 or more; or `adaptive`",
              "`models`; 100",
              "How long the first request of a batch waits for others. `adaptive` learns the delay"
                  + " that helps."),
          new Key(
              "responseTimeout",
              "30",
              WHOLE + " of seconds, 1 or more",
              "`models`; `default_response_timeout`",
              "How long a worker may take to respond; then it is replaced."),
          new Key(
              "startupTimeout",
              "600",
              WHOLE + " of seconds, 1 or more",
              "`models`; `default_startup_timeout`",
              "How long a worker may take to start and load the model."),
          new Key(
              "maxRetryTimeoutInSec",
              "60",
              WHOLE + " of seconds, 0 or more",
              "300",
              "How long a failing worker is restarted; then automatic restarts end. 0: never restarted."),
          new Key(
              "clientTimeoutInMills",
              "2000",
              WHOLE + " of milliseconds, 0 or more",
              "0",
              "How old a request may become; then it fails with 504. 0: no limit."),
          new Key(
              "jobQueueSize",
              "500",
              WHOLE + ", 0 or more",
              "`job_queue_size`",
              "Requests that may wait; more are rejected with 503. 0: the server's setting."),
          new Key(
              "useJobTicket",
              "true",
              FLAG,
              "false",
              "Whether a request is accepted only if a worker is free, and else rejected with 503."),
          new Key(
              "retryOnWorkerDeath",
              "false",
              FLAG,
              "true",
              "Whether a request whose worker died is given to another one, once."),
          new Key(
              "maxFailuresInRow",
              "5",
              WHOLE + ", 0 or more",
              "20",
              "How many calls of the handler may fail with no success between them; then the worker"
                  + " is replaced. 0: any number."),
          new Key(
              "deviceType",
              "cpu",
              "`cpu` or `gpu`",
              "`gpu` where there is one",
              "Where workers run."),
          new Key(
              "deviceIds",
              "[0, 1]",
              "a list of whole numbers, 0 or more",
              "all GPUs",
              "The GPUs that workers take, in turn. One that does not exist voids the list, with a"
                  + " warning."),
          new Key(
              "continuousBatching",
              "true",
              FLAG,
              "false",
              "Whether requests join and leave a batch between two steps of the handler."),
          new Key(
              "sequenceBatching",
              "true",
              FLAG,
              "false",
              "Whether requests of a sequence go to one worker, in order. Needs"
                  + " `sequenceMaxIdleMSec`."),
          new Key(
              "sequenceMaxIdleMSec",
              "60000",
              WHOLE + " of milliseconds, 0 or more",
              "0",
              "How long a sequence may be idle; then it ends."),
          new Key(
              "sequenceTimeoutMSec",
              "600000",
              WHOLE + " of milliseconds, 0 or more",
              "0",
              "How long a sequence may last; then it ends. 0: no limit."),
          new Key(
              "maxNumSequence",
              "8",
              WHOLE + ", 1 or more",
              "1",
              "Sequences of the model at a time."),
          new Key(
              "maxSequenceJobQueueSize",
              "10",
              WHOLE + ", 1 or more",
              "1",
              "Requests of one sequence that may wait."),
          new Key(
              "asyncCommunication",
              "true",
              FLAG,
              "false",
              "Whether the handler is a coroutine: it gets requests one by one, and many run side by"
                  + " side in one worker."),
          new Key(
              "concurrency",
              "32",
              WHOLE + " from 1 to " + ModelConfig.MAX_CONCURRENCY,
              "256 with `asyncCommunication`, else one call at a time",
              "Requests that one worker runs side by side, at most: for a handler with"
                  + " `async def handle`, which then gets requests one by one."),
          new Key(
              "useVenv",
              "true",
              FLAG,
              "false",
              "Whether the model's requirements are installed into a virtual environment of its own,"
                  + " which sees the server's packages."),
          new Key(
              "workerStart",
              "spawn",
              "`fork` or `spawn`",
              "`fork`",
              "Whether workers are forked from a process that has torch imported, or are a fresh"
                  + " Python each."),
          new Key(
              "preloadModel",
              "true",
              FLAG,
              "false",
              "Whether the model is loaded once, and its workers are forked from that process."),
          new Key(
              "templateImports",
              "[torchvision.ops, PIL.Image]",
              "`auto`, `off` or a list of names of modules",
              "`auto`",
              "What is imported once for all workers that are forked. `auto`: what the handler and"
                  + " its modules import, and what a loaded worker was seen to import."),
          new Key(
              "cpuLauncher",
              "true",
              FLAG,
              "`cpu_launcher_enable`",
              "Whether each worker has cores of its own, which no other such worker uses, and as"
                  + " many threads; see workers.md."),
          new Key(
              "parallelType",
              "custom",
              "`pp`, `tp`, `pptp` or `custom`",
              "not parallel",
              "How one worker spreads over several processes or GPUs. `pp`, `tp`, `pptp`: as"
                  + " `parallelLevel` processes that torchrun starts; with `pp` the first alone gets"
                  + " the requests, else all. `custom`: as one process, which sees its GPUs and no"
                  + " others. See large-models.md."),
          new Key(
              "parallelLevel",
              "4",
              WHOLE + " from 0 to " + ModelConfig.MAX_RANKS,
              "0",
              "Processes of one worker, and GPUs that it takes; where there are GPUs, there are as"
                  + " many workers at most as there are such groups. It has no effect without"
                  + " `parallelType`."),
          new Key(
              "torchrun",
              "{nproc-per-node: 4}",
              "a map of whole numbers: `nproc-per-node`, `nnodes`, `OMP_NUMBER_THREADS`,"
                  + " `monitor-interval`",
              "1, 1, 1, torchrun's own",
              "Options of torchrun. `nproc-per-node` sets `parallelLevel`; `nnodes` has to be 1;"
                  + " `OMP_NUMBER_THREADS` are the threads of each process; `monitor-interval` in"
                  + " seconds. 0.12's `rdzv-...` and `node-rank` have no effect."),
          new Key(
              "servedModelName",
              "[meta-llama/Llama-3.1-8B, llama]",
              "a text or a list of them, of 1 to 256 characters each",
              "the model's own name alone",
              "Further names of the model for OpenAI clients, such as `meta-llama/Llama-3.1-8B`; no"
                  + " two models have one in common."),
          new Key(
              "warmup",
              "[kitten.jpg, {body: {text: hello}, batchSizes: [1, 8]}]",
              "a list of at most 32: names of files in the model's folder, or maps with `file` or"
                  + " `body`, and `contentType`, `route`, `repeat`, `batchSizes`",
              "none",
              "Inputs that run through the handler before a worker is ready, alone and in batches of"
                  + " `batchSize`; if one fails, the load fails. See exported-models.md."));

  /** Sections that bundled Python code reads. */
  static final Set<String> PYTHON =
      Set.of("handler", "pt2", "micro_batching", "pippy", "deepspeed", "dali");

  private static final Set<String> KNOWN = known();

  /**
   * One key.
   *
   * @param example one of its values, as YAML
   * @param accepted its values, in words
   * @param fallback what holds if it is absent, from the strongest to the weakest
   */
  record Key(String name, String example, String accepted, String fallback, String meaning) {}

  private ModelConfigKeys() {}

  static boolean isKnown(String key) {
    return KNOWN.contains(key);
  }

  /** The known key that {@code unknownKey} was most likely meant to be, for a warning. */
  public static Optional<String> suggestionFor(String unknownKey) {
    String word = plain(unknownKey);
    int limit = Math.max(1, word.length() / 4);
    Optional<String> nearest = Optional.empty();
    int nearestDistance = limit + 1;
    for (String key : KNOWN) {
      int distance = Spelling.distance(word, plain(key));
      if (distance < nearestDistance) {
        nearest = Optional.of(key);
        nearestDistance = distance;
      }
    }
    return nearest;
  }

  private static Set<String> known() {
    Set<String> names = new TreeSet<>(PYTHON);
    FRONTEND.forEach(key -> names.add(key.name()));
    return Collections.unmodifiableSet(names);
  }

  private static String plain(String key) {
    return key.toLowerCase(Locale.ROOT).replace("_", "").replace("-", "");
  }
}
