package org.tsnext.core.worker;

import io.netty.buffer.ByteBuf;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.function.Consumer;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.metrics.MetricSample;
import org.tsnext.core.metrics.RestartCause;
import org.tsnext.core.request.InferenceRequest;
import org.tsnext.core.request.ResponseHead;
import org.tsnext.core.time.Scheduler.Scheduled;
import org.tsnext.core.tracing.WorkerAttempt;

/**
 * One run of one worker process: receives its messages, passes responses straight to its
 * registration, and puts everything else into the supervisor's queue. The fields are read and
 * written by the supervisor only, but for those that say otherwise.
 */
final class WorkerRun implements WorkerListener, WorkerRegistration.Observer {

  private final ProcessEvents events;
  private final WorkerSlot slot;
  private final WorkerSpec spec;
  private final long startNanos;
  private final FailureStreak streak;

  /** Set before any work can come; read by the thread that hears the process. */
  private volatile Optional<WorkerRegistration> registration = Optional.empty();

  /** Set by the thread that receives its messages, before the registration knows. */
  private volatile boolean disconnected;

  private volatile int lastPong = -1;

  /** Whether it has answered a request as it should. */
  private volatile boolean useful;

  Optional<WorkerProcess> process = Optional.empty();
  Optional<Scheduled> startupTimer = Optional.empty();
  Optional<Scheduled> drainTimer = Optional.empty();

  /** When the drain has taken too long, if it has a limit. */
  OptionalLong killNanos = OptionalLong.empty();

  Optional<LoadFailure> loadFailure = Optional.empty();

  /** The failure in words, if its model could not be loaded for the reason of the last run. */
  Optional<String> failedAsBefore = Optional.empty();

  OptionalLong readyAtNanos = OptionalLong.empty();

  /** Why we ended it, if we did. */
  Optional<String> endedFor = Optional.empty();

  RestartCause endCause = RestartCause.CRASHED;

  /** How it is replaced, if that is why we end it. */
  Optional<Replacement> replacement = Optional.empty();

  /** The ping that waits for its answer. */
  Optional<Ping> ping = Optional.empty();

  private int nextPing;

  private final EndReport ending = new EndReport();

  /** A ping on its way. */
  record Ping(int token, long sentNanos) {}

  WorkerRun(
      ProcessEvents events,
      WorkerSlot slot,
      WorkerSpec spec,
      long startNanos,
      FailureStreak streak) {
    this.events = events;
    this.slot = slot;
    this.spec = spec;
    this.startNanos = startNanos;
    this.streak = streak;
  }

  WorkerSlot slot() {
    return slot;
  }

  WorkerSpec spec() {
    return spec;
  }

  /** When its process was asked for. */
  long startNanos() {
    return startNanos;
  }

  Optional<WorkerRegistration> registration() {
    return registration;
  }

  boolean isUseful() {
    return useful;
  }

  boolean isDisconnected() {
    return disconnected;
  }

  /** Sits the worker down at its work. */
  void register(WorkerRegistration place) {
    registration = Optional.of(place);
    place.begin();
  }

  /** Whether it has shown that the worker can do its work. */
  boolean isSound(long now) {
    return registration.map(WorkerRegistration::served).orElse(false)
        || (readyAtNanos.isPresent()
            && now - readyAtNanos.getAsLong() >= RestartPolicy.SOUND_AFTER.toNanos());
  }

  void sendPing(long now) {
    Ping sent = new Ping(nextPing++, now);
    ping = Optional.of(sent);
    process.ifPresent(to -> to.ping(sent.token()));
  }

  boolean hasResponse(Ping sent) {
    return lastPong == sent.token();
  }

  /** Tells those who wait for it how the process ended. */
  void ended(WorkerDeath death) {
    ending.complete(death.detail());
  }

  void cancelTimers() {
    startupTimer.ifPresent(Scheduled::cancel);
    drainTimer.ifPresent(Scheduled::cancel);
  }

  @Override
  public void started(long pid) {
    events.context().put(() -> slot.pid = OptionalLong.of(pid));
  }

  @Override
  public void importsNotShared(String reason) {
    events.context().put(() -> slot.plainFork = Optional.of(reason));
  }

  @Override
  public void ranks(List<Long> pids) {
    events.context().put(() -> slot.rankPids = List.copyOf(pids));
  }

  @Override
  public void imported(List<String> modules) {
    events.context().put(() -> events.imported(this, modules));
  }

  @Override
  public void openAiRoutes(Set<String> routes) {
    events.openAiRoutes(routes);
  }

  @Override
  public void connected(String address) {
    events.context().put(() -> events.connected(this, address));
  }

  @Override
  public void loaded(Duration took) {
    events.context().put(() -> events.loaded(this, took));
  }

  @Override
  public void loadFailed(LoadFailure failure) {
    events.context().put(() -> events.loadFailed(this, failure));
  }

  @Override
  public void response(int batchId, int item, ResponseHead head, ByteBuf body) {
    if (head.status() < 500) {
      useful = true;
      streak.succeeded();
    }
    Optional<WorkerRegistration> place = registration;
    if (place.isPresent()) {
      place.get().response(batchId, item, head, body);
    } else {
      body.release();
    }
  }

  @Override
  public void chunk(int batchId, int item, ResponseHead head, ByteBuf body) {
    Optional<WorkerRegistration> place = registration;
    if (place.isPresent()) {
      place.get().chunk(batchId, item, head, body);
    } else {
      body.release();
    }
  }

  @Override
  public void notSent(int batchId, ServingException why) {
    registration.ifPresent(place -> place.notSent(batchId, why));
  }

  @Override
  public void error(int batchId, int item, HandlerError error) {
    registration.ifPresent(place -> place.error(batchId, item, error));
  }

  @Override
  public void handled(int batchId, int item, WorkerAttempt.HandlerTime time) {
    registration.ifPresent(place -> place.handled(batchId, item, time));
  }

  @Override
  public void withdrawal(int batchId, boolean given) {
    registration.ifPresent(place -> place.withdrawal(batchId, given));
  }

  @Override
  public void metric(MetricSample sample) {
    events.metric(sample);
  }

  @Override
  public void pong(int token) {
    lastPong = token;
  }

  @Override
  public void disconnected(String reason) {
    disconnected = true;
    // At once, on this thread: its requests need not wait for the supervisor.
    registration.ifPresent(WorkerRegistration::lost);
    events.context().put(() -> events.disconnected(this, reason));
  }

  @Override
  public void exited(ExitStatus status) {
    disconnected = true;
    registration.ifPresent(WorkerRegistration::lost);
    events.context().put(() -> events.exited(this, status));
  }

  @Override
  public void silent(Duration responseTimeout) {
    events.context().put(() -> events.silent(this, responseTimeout));
  }

  @Override
  public void handlerFailed(int batchId, HandlerError error, List<InferenceRequest> requests) {
    WorkerError failure =
        WorkerError.ofPython(
            events.context().wallClock(), error.message(), error.detail(), error.traceback());
    events.remember(slot, failure);
    if (error.code() < 400 || error.code() >= 500) {
      // The detail of an error whose text is the message does not repeat it.
      boolean chosen = error.code() != 503 && error.code() != 507;
      count(
          batchId,
          requests,
          chosen ? failure.message() + ": " + failure.detail() : failure.summary());
    }
  }

  @Override
  public void onceEnded(Consumer<Optional<String>> told) {
    ending.onceKnown(events.context().supervisorContext().scheduler(), told);
  }

  @Override
  public void onErrorResponse(int batchId, int status, InferenceRequest request) {
    count(batchId, List.of(request), "the handler responded with status " + status);
  }

  @Override
  public void unusable(String reason) {
    // At once, on this thread, and before it is known to be gone: what it has was not begun.
    registration.ifPresent(WorkerRegistration::unusable);
    events.context().put(() -> events.replace(this, Replacement.UNUSABLE, reason));
  }

  private void count(int batchId, List<InferenceRequest> requests, String last) {
    List<Long> fingerprints = requests.stream().map(RequestFingerprint::of).toList();
    if (streak.failed(batchId, fingerprints, events.context().nanoTime())) {
      String reason = streak.limit() + " failures in a row (maxFailuresInRow), the last: " + last;
      events.context().put(() -> events.replace(this, Replacement.FAILING, reason));
    }
  }
}
