package org.tsnext.jobs;

import io.netty.buffer.ByteBuf;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tsnext.core.ServingCore;
import org.tsnext.core.concurrent.SerialQueue;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.request.CollectedBody;
import org.tsnext.core.request.InferenceRequest;
import org.tsnext.core.request.ResponseHead;
import org.tsnext.core.time.Scheduler;
import org.tsnext.jobs.folder.JobFolder;
import org.tsnext.jobs.job.JobOutcome;
import org.tsnext.jobs.job.JobStatus;
import org.tsnext.jobs.job.JobTarget;
import org.tsnext.jobs.job.JobTicket;

/**
 * The jobs of a server. A job is a request with a sink that keeps its response; it waits in the
 * queue of its model like any other. Thread-safe; no method waits for the disk.
 */
public final class Jobs implements JobService {

  private static final Logger LOGGER = LoggerFactory.getLogger(Jobs.class);

  private final JobDoors doors;
  private final JobLimits limits;
  private final ServingCore.Execution execution;
  private final Optional<JobFolder> folder;
  private final Supplier<String> ids;
  private final JobRoom room;
  private final ResultReader results;
  private final Map<String, Job> jobs = new ConcurrentHashMap<>();

  private volatile boolean stopping;
  private volatile boolean drained;

  /**
   * Makes a server's jobs; those of the folder are there, and are run by {@link JobLifecycle}.
   *
   * @param execution whose threads write and read files; bounded in number
   * @param folder empty to keep everything in memory
   * @param ids makes ids that nobody can guess
   */
  public Jobs(
      JobDoors doors,
      JobLimits limits,
      ServingCore.Execution execution,
      Optional<JobFolder> folder,
      Supplier<String> ids) {
    this.doors = doors;
    this.limits = limits;
    this.execution = execution;
    this.folder = folder;
    this.ids = ids;
    this.room = new JobRoom(limits);
    this.results = new ResultReader(folder);
  }

  @Override
  public Accepted submit(InferenceRequest request, JobTarget target) {
    Job job;
    try {
      if (stopping) {
        throw JobErrors.shuttingDown();
      }
      Instant now = execution.clock().now();
      JobTicket ticket = JobTicket.of(ids.get(), target, request, now);
      room.enter(ticket.requestBytes());
      job = add(ticket, 0);
    } catch (ServingException e) {
      request.release();
      throw e;
    }
    CompletableFuture<JobDescription> stored = new CompletableFuture<>();
    if (folder.isEmpty()) {
      begin(job, CollectedBody.kept(request), stored);
    } else {
      job.disk().execute(() -> storeAndBegin(job, request, stored));
    }
    return new Accepted(job.id(), stored);
  }

  /** Takes a job of the folder in, as it was. */
  Job restore(JobTicket ticket, int attempts, Optional<JobOutcome> outcome) {
    room.enterAgain(outcome.map(JobOutcome::bytes).orElse(ticket.requestBytes()));
    Job job = add(ticket, attempts);
    outcome.ifPresent(how -> publish(job, how, Optional.empty()));
    return job;
  }

  private Job add(JobTicket ticket, int attempts) {
    Job job =
        new Job(
            ticket,
            new SerialQueue(
                execution.executor(),
                failure -> LOGGER.error("Job {}: its files failed", ticket.id(), failure)),
            attempts);
    jobs.put(ticket.id(), job);
    return job;
  }

  private void storeAndBegin(
      Job job, InferenceRequest request, CompletableFuture<JobDescription> stored) {
    try {
      folder.orElseThrow().writeRequest(job.ticket(), request);
    } catch (Throwable e) {
      // Errors too, such as of memory: the client waits for a word.
      request.release();
      refuse(job, JobErrors.notStored(e), stored);
      return;
    }
    begin(job, request, stored);
  }

  private void begin(Job job, InferenceRequest request, CompletableFuture<JobDescription> stored) {
    Optional<ServingException> refusal = run(job, request);
    if (refusal.isPresent()) {
      refuse(job, refusal.get(), stored);
    } else {
      stored.complete(job.describe());
    }
  }

  /** The job never was: its client is told why. */
  private void refuse(Job job, ServingException why, CompletableFuture<JobDescription> stored) {
    // Its client may have left meanwhile, and whatever else decides later finds it decided.
    if (job.decide()) {
      room.give(job.ticket().requestBytes());
    }
    remove(job);
    stored.completeExceptionally(why);
  }

  /**
   * Submits the request of a job.
   *
   * @param request taken over
   * @return why it was refused; then the job is as before
   */
  Optional<ServingException> run(Job job, InferenceRequest request) {
    JobRun run = new JobRun(room, job.ticket().requestBytes(), new RunOf(job));
    if (!job.begin(run)) {
      request.release();
      return Optional.empty();
    }
    return run.submitTo(doors.of(job.ticket().target()), request);
  }

  /** Passes on what happens to a run of a job. */
  private final class RunOf implements JobRun.Listener {
    private final Job job;

    RunOf(Job job) {
      this.job = job;
    }

    @Override
    public void dispatched() {
      int attempt = job.dispatched(execution.clock().now());
      folder.ifPresent(files -> job.disk().execute(() -> files.markStarted(job.id(), attempt)));
    }

    @Override
    public void responded(ResponseHead head, ByteBuf body) {
      JobStatus status = head.status() < 400 ? JobStatus.SUCCEEDED : JobStatus.FAILED;
      end(job, status, Optional.of(head), Optional.empty(), Optional.of(body));
    }

    @Override
    public void failed(ServingException error) {
      // After the drain workers go away because the server does: the next start has the job.
      if (!drained || folder.isEmpty()) {
        fail(job, error);
      }
    }
  }

  /** Ends a job with an error, unless it has ended. */
  void fail(Job job, ServingException error) {
    end(job, JobStatus.FAILED, Optional.empty(), Optional.of(error), Optional.empty());
  }

  /**
   * Decides how a job ends.
   *
   * @param body taken over; its bytes have their room
   * @return false if it was decided already
   */
  private boolean end(
      Job job,
      JobStatus status,
      Optional<ResponseHead> head,
      Optional<ServingException> error,
      Optional<ByteBuf> body) {
    long bytes = body.map(ByteBuf::readableBytes).orElse(0);
    if (!job.decide()) {
      body.ifPresent(ByteBuf::release);
      room.give(bytes);
      return false;
    }
    room.give(job.ticket().requestBytes());
    Instant now = execution.clock().now();
    JobOutcome outcome =
        new JobOutcome(status, job.started(), now, now.plus(limits.lifetime()), head, error, bytes);
    if (folder.isEmpty()) {
      publish(job, outcome, body);
    } else {
      job.disk().execute(() -> publish(job, outcome, store(job, outcome, body)));
    }
    return true;
  }

  /** Writes the outcome; returns the body if it has to be kept in memory. */
  private Optional<ByteBuf> store(Job job, JobOutcome outcome, Optional<ByteBuf> body) {
    if (job.isRemoved()) {
      return body;
    }
    try {
      folder.orElseThrow().writeOutcome(job.ticket(), outcome, body);
    } catch (Throwable e) {
      LOGGER.warn(
          "The result of job {} cannot be written and is kept in memory; it is lost with the"
              + " server, and the job is run again: {}",
          job.id(),
          e.toString());
      return body;
    }
    body.ifPresent(ByteBuf::release);
    return Optional.empty();
  }

  private void publish(Job job, JobOutcome outcome, Optional<ByteBuf> body) {
    Optional<List<JobWait>> waiting = job.publish(outcome, body);
    if (waiting.isEmpty()) {
      body.ifPresent(ByteBuf::release);
      room.give(outcome.bytes());
      return;
    }
    Duration left = Duration.between(execution.clock().now(), outcome.expires());
    job.expiring(execution.scheduler().schedule(left, () -> remove(job)));
    JobDescription description = job.describe();
    waiting.get().forEach(wait -> wait.end(description));
    job.over().complete(null);
  }

  @Override
  public JobDescription describe(String id) {
    return find(id).describe();
  }

  @Override
  public CompletableFuture<JobDescription> await(String id, Duration limit) {
    Job job = find(id);
    JobWait wait = new JobWait();
    if (limit.isZero() || !job.await(wait)) {
      wait.end(job.describe());
      return wait.described();
    }
    Scheduler.Scheduled timer =
        execution.scheduler().schedule(limit, () -> wait.end(job.describe()));
    // Ended, timed out, or cancelled by the client that left.
    CompletableFuture<JobDescription> unused =
        wait.described()
            .whenComplete(
                (described, failure) -> {
                  timer.cancel();
                  job.awaitNoMore(wait);
                });
    // After it waits, so that a stop at this moment finds it or is seen here.
    if (stopping) {
      wait.end(job.describe());
    }
    return wait.described();
  }

  @Override
  public CompletableFuture<JobResult> result(String id) {
    return results.read(find(id));
  }

  @Override
  public Optional<JobDescription> delete(String id) {
    Job job = find(id);
    if (job.outcome().isPresent()) {
      remove(job);
      return Optional.empty();
    }
    job.stopRun();
    if (!end(job, JobStatus.CANCELLED, Optional.empty(), Optional.empty(), Optional.empty())) {
      // It has ended meanwhile, and is being stored.
      remove(job);
      return Optional.empty();
    }
    // Clients see it so at once, not only when that is stored.
    return Optional.of(
        new JobDescription(job.ticket(), JobStatus.CANCELLED, job.started(), job.outcome()));
  }

  @Override
  public void abandon(String id) {
    Job job = jobs.get(id);
    if (job != null) {
      job.stopRun();
      if (job.decide()) {
        room.give(job.ticket().requestBytes());
      }
      remove(job);
    }
  }

  private void remove(Job job) {
    if (!jobs.remove(job.id(), job)) {
      return;
    }
    room.give(job.remove());
    room.leave();
    folder.ifPresent(files -> job.disk().execute(() -> files.remove(job.id())));
    JobDescription last = job.describe();
    job.takeWaiting().forEach(wait -> wait.end(last));
    job.over().complete(null);
  }

  private Job find(String id) {
    Job job = jobs.get(id.toLowerCase(Locale.ROOT));
    if (job == null) {
      throw JobErrors.notFound(id);
    }
    return job;
  }

  /** How long the outcome of a job is kept. */
  Duration lifetime() {
    return limits.lifetime();
  }

  /** All that are there. */
  List<Job> all() {
    return List.copyOf(jobs.values());
  }

  /** How many there are of a status. */
  public long count(JobStatus status) {
    return jobs.values().stream().filter(job -> job.status() == status).count();
  }

  /** Bytes that jobs hold. */
  public long bytes() {
    return room.held();
  }

  /**
   * Accepts no new jobs; nobody waits any more. What waits for a worker and is on disk stays there.
   */
  void stopAccepting() {
    stopping = true;
    for (Job job : jobs.values()) {
      if (folder.isPresent() && job.status() == JobStatus.QUEUED) {
        job.stopRun();
      }
      JobDescription description = job.describe();
      job.takeWaiting().forEach(wait -> wait.end(description));
    }
  }

  /** From now on a failure means that the server goes. */
  void drained() {
    drained = true;
  }
}
