package org.tsnext.server;

import io.netty.util.concurrent.DefaultThreadFactory;
import java.io.IOException;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tsnext.core.ServingCore;
import org.tsnext.core.metrics.ServerMetric;
import org.tsnext.core.metrics.ServerMetrics;
import org.tsnext.core.ownership.Host;
import org.tsnext.jobs.JobDoors;
import org.tsnext.jobs.JobLifecycle;
import org.tsnext.jobs.JobLimits;
import org.tsnext.jobs.JobService;
import org.tsnext.jobs.Jobs;
import org.tsnext.jobs.folder.JobFolder;
import org.tsnext.jobs.job.JobStatus;
import org.tsnext.server.lifecycle.ClosingStack;
import org.tsnext.server.lifecycle.StartException;
import org.tsnext.server.settings.JobKeys;
import org.tsnext.server.settings.Settings;

/** The jobs of a server put together, if they are wanted. */
final class JobsWiring {
  private static final Logger LOGGER = LoggerFactory.getLogger(JobsWiring.class);

  /** Threads that write and read files of jobs. */
  private static final int DISK_THREADS = 2;

  private static final int ID_BYTES = 16;
  private static final Duration LAST_WRITES = Duration.ofSeconds(10);

  private final Settings settings;
  private final ClosingStack stack;
  private volatile Optional<Parts> parts = Optional.empty();

  private record Parts(Jobs jobs, JobLifecycle lifecycle, ExecutorService disk) {}

  /**
   * Made before the core, since what ends with it is still written.
   *
   * @param stack closes what is opened here
   */
  JobsWiring(Settings settings, ClosingStack stack) {
    this.settings = settings;
    this.stack = stack;
    stack.add("jobs", this::close);
  }

  /**
   * Takes the folder of jobs, if they are wanted and there is one, and reads what is in it.
   *
   * @param execution of the core; jobs have threads of their own for the disk
   * @param drainTimeout how long jobs may run on when the server stops
   * @throws StartException if the folder cannot be used, with the reason
   */
  void open(
      JobDoors doors, ServingCore.Execution execution, ServerMetrics metrics, Duration drainTimeout)
      throws StartException {
    if (!settings.get(JobKeys.ENABLE_JOB_API)) {
      return;
    }
    Optional<JobFolder> folder = openFolder();
    ExecutorService disk =
        Executors.newFixedThreadPool(DISK_THREADS, new DefaultThreadFactory("jobs", true));
    ServingCore.Execution ours =
        new ServingCore.Execution(execution.clock(), execution.scheduler(), disk);
    SecureRandom random = new SecureRandom();
    Jobs jobs =
        new Jobs(
            doors,
            new JobLimits(
                settings.get(JobKeys.JOB_MAX_COUNT),
                settings.get(JobKeys.JOB_MAX_BYTES),
                settings.get(JobKeys.JOB_LIFETIME)),
            ours,
            folder,
            () -> {
              byte[] id = new byte[ID_BYTES];
              random.nextBytes(id);
              return HexFormat.of().formatHex(id);
            });
    JobLifecycle lifecycle = new JobLifecycle(jobs, ours, folder);
    parts = Optional.of(new Parts(jobs, lifecycle, disk));
    try {
      lifecycle.load();
    } catch (IOException e) {
      throw unusable(e);
    }
    stack.add("running jobs", () -> lifecycle.drain(drainTimeout));
    for (JobStatus status : JobStatus.values()) {
      metrics.live(ServerMetric.JOBS, List.of(status.label()), () -> jobs.count(status));
    }
    metrics.live(ServerMetric.JOB_BYTES, List.of(), jobs::bytes);
  }

  private Optional<JobFolder> openFolder() throws StartException {
    Optional<Path> folder = settings.find(JobKeys.JOB_STORE);
    if (folder.isEmpty()) {
      return Optional.empty();
    }
    try {
      return Optional.of(JobFolder.open(folder.get(), Host.current()));
    } catch (IOException e) {
      throw unusable(e);
    }
  }

  private StartException unusable(IOException cause) {
    return new StartException(
        "Invalid configuration: job_store = %s (%s): %s"
            .formatted(
                settings.find(JobKeys.JOB_STORE).map(Path::toString).orElse(""),
                settings.source(JobKeys.JOB_STORE),
                cause.getMessage()),
        cause);
  }

  /** Empty if the job API is off. */
  Optional<JobService> service() {
    return parts.map(Parts::jobs);
  }

  /** Runs what the last server left, once the models of the start are there. */
  void recover() {
    parts.ifPresent(made -> made.lifecycle().recover());
  }

  /** From now on, until the listeners are closed, a stop first accepts no new jobs. */
  void stopBeforeListeners() {
    parts.ifPresent(made -> stack.add("new jobs", made.lifecycle()::stopAccepting));
  }

  /** After the core: nothing ends any more. */
  private void close() throws IOException, InterruptedException {
    if (parts.isEmpty()) {
      return;
    }
    ExecutorService disk = parts.get().disk();
    disk.shutdown();
    if (!disk.awaitTermination(LAST_WRITES.toSeconds(), TimeUnit.SECONDS)) {
      LOGGER.warn("Files of jobs are still written after {}", LAST_WRITES);
    }
    parts.get().lifecycle().close();
  }
}
