package org.tsnext.core.worker;

import io.netty.buffer.ByteBuf;
import java.time.Duration;
import java.util.Optional;
import java.util.OptionalLong;
import org.tsnext.core.metrics.MetricSample;
import org.tsnext.core.request.ResponseHead;
import org.tsnext.core.time.Scheduler.Scheduled;

/**
 * One life of one worker process: hears it, passes answers straight to its seat, and puts
 * everything else into the supervisor's queue. The fields are read and written by the supervisor
 * only, but for those that say otherwise.
 */
final class WorkerLife implements WorkerListener, WorkSeat.Observer {

  private final Supervisor supervisor;
  private final WorkerSlot slot;
  private final WorkerOrder order;
  private final long startNanos;

  /** Set before any work can come; read by the thread that hears the process. */
  private volatile Optional<WorkSeat> seat = Optional.empty();

  /** Set by the thread that hears the process, before the seat is told. */
  private volatile boolean disconnected;

  private volatile int lastPong = -1;

  Optional<WorkerProcess> process = Optional.empty();
  Optional<Scheduled> startupTimer = Optional.empty();
  Optional<Scheduled> drainTimer = Optional.empty();
  Optional<LoadFailure> loadFailure = Optional.empty();
  OptionalLong readyAtNanos = OptionalLong.empty();

  /** Why we ended it, if we did. */
  Optional<String> endedFor = Optional.empty();

  /** The ping that waits for its answer. */
  Optional<Ping> ping = Optional.empty();

  private int nextPing;

  /** A ping on its way. */
  record Ping(int token, long sentNanos) {}

  WorkerLife(Supervisor supervisor, WorkerSlot slot, WorkerOrder order, long startNanos) {
    this.supervisor = supervisor;
    this.slot = slot;
    this.order = order;
    this.startNanos = startNanos;
  }

  WorkerSlot slot() {
    return slot;
  }

  WorkerOrder order() {
    return order;
  }

  /** When its process was asked for. */
  long startNanos() {
    return startNanos;
  }

  Optional<WorkSeat> seat() {
    return seat;
  }

  boolean isDisconnected() {
    return disconnected;
  }

  /** Sits the worker down at its work. */
  void takeSeat(WorkSeat place) {
    seat = Optional.of(place);
    place.begin();
  }

  /** Whether it has shown that the worker can do its work. */
  boolean isSound(long now) {
    return seat.map(WorkSeat::served).orElse(false)
        || (readyAtNanos.isPresent()
            && now - readyAtNanos.getAsLong() >= RestartPolicy.SOUND_AFTER.toNanos());
  }

  void sendPing(long now) {
    Ping sent = new Ping(nextPing++, now);
    ping = Optional.of(sent);
    process.ifPresent(to -> to.ping(sent.token()));
  }

  boolean isAnswered(Ping sent) {
    return lastPong == sent.token();
  }

  void cancelTimers() {
    startupTimer.ifPresent(Scheduled::cancel);
    drainTimer.ifPresent(Scheduled::cancel);
  }

  @Override
  public void started(long pid) {
    supervisor.put(() -> slot.pid = OptionalLong.of(pid));
  }

  @Override
  public void connected(String address) {
    supervisor.put(() -> supervisor.connected(this, address));
  }

  @Override
  public void loaded(Duration took) {
    supervisor.put(() -> supervisor.loaded(this, took));
  }

  @Override
  public void loadFailed(LoadFailure failure) {
    supervisor.put(() -> supervisor.loadFailed(this, failure));
  }

  @Override
  public void response(int batchId, int item, ResponseHead head, ByteBuf body) {
    Optional<WorkSeat> place = seat;
    if (place.isPresent()) {
      place.get().response(batchId, item, head, body);
    } else {
      body.release();
    }
  }

  @Override
  public void chunk(int batchId, int item, ResponseHead head, ByteBuf body) {
    Optional<WorkSeat> place = seat;
    if (place.isPresent()) {
      place.get().chunk(batchId, item, head, body);
    } else {
      body.release();
    }
  }

  @Override
  public void error(int batchId, int item, HandlerError error) {
    seat.ifPresent(place -> place.error(batchId, item, error));
  }

  @Override
  public void metric(MetricSample sample) {
    supervisor.metric(sample);
  }

  @Override
  public void pong(int token) {
    lastPong = token;
  }

  @Override
  public void disconnected(String reason) {
    disconnected = true;
    // At once, on this thread: its requests need not wait for the supervisor.
    seat.ifPresent(WorkSeat::lost);
    supervisor.put(() -> supervisor.disconnected(this, reason));
  }

  @Override
  public void exited(ExitStatus status) {
    disconnected = true;
    seat.ifPresent(WorkSeat::lost);
    supervisor.put(() -> supervisor.exited(this, status));
  }

  @Override
  public void silent(Duration responseTimeout) {
    supervisor.put(() -> supervisor.silent(this, responseTimeout));
  }

  @Override
  public void handlerFailed(HandlerError error) {
    supervisor.remember(
        slot,
        WorkerError.ofPython(
            supervisor.wallClock(), error.message(), error.detail(), error.traceback()));
  }
}
