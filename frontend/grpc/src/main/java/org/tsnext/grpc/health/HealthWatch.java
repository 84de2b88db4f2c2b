package org.tsnext.grpc.health;

import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.Status;
import io.grpc.health.v1.HealthCheckRequest;
import io.grpc.health.v1.HealthCheckResponse;
import io.grpc.health.v1.HealthCheckResponse.ServingStatus;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.tsnext.core.error.ServingException;
import org.tsnext.grpc.call.CallErrors;
import org.tsnext.grpc.call.MessageMarshaller.Read;
import org.tsnext.grpc.call.OneRequest;
import org.tsnext.grpc.server.Drain;

/**
 * A call that hears of each change of a status, until its client leaves or the server goes down.
 */
final class HealthWatch extends OneRequest<Read<HealthCheckRequest>> {

  private static final long LOOK_MILLIS = 500;

  private final ServerCall<Read<HealthCheckRequest>, HealthCheckResponse> call;
  private final HealthApi health;
  private final CallErrors errors;
  private final ScheduledExecutorService scheduler;
  private final Drain drain;
  private final Runnable onDrain = this::drain;
  private String name;
  private ServingStatus reported;
  private Future<?> looking;
  private boolean watching;
  private boolean ended;

  HealthWatch(
      ServerCall<Read<HealthCheckRequest>, HealthCheckResponse> call,
      HealthApi health,
      CallErrors errors,
      ScheduledExecutorService scheduler,
      Drain drain) {
    super(call);
    this.call = call;
    this.health = health;
    this.errors = errors;
    this.scheduler = scheduler;
    this.drain = drain;
  }

  @Override
  protected void onRequest(Read<HealthCheckRequest> request) {
    try {
      name = request.required().getService();
    } catch (ServingException e) {
      Metadata trailers = new Metadata();
      errors.addDetails(e, trailers);
      call.close(errors.status(e), trailers);
      return;
    }
    if (!health.beginWatch()) {
      call.close(
          Status.RESOURCE_EXHAUSTED.withDescription(
              "More than "
                  + HealthApi.MAX_WATCHES
                  + " clients watch; Check tells the status once."),
          new Metadata());
      return;
    }
    synchronized (this) {
      watching = true;
      call.sendHeaders(new Metadata());
      look();
      looking =
          scheduler.scheduleWithFixedDelay(
              this::look, LOOK_MILLIS, LOOK_MILLIS, TimeUnit.MILLISECONDS);
    }
    drain.add(onDrain);
  }

  private synchronized void look() {
    if (!ended) {
      report(health.of(name).orElse(ServingStatus.SERVICE_UNKNOWN));
    }
  }

  private void report(ServingStatus status) {
    if (status != reported) {
      reported = status;
      call.sendMessage(HealthApi.response(status));
    }
  }

  private synchronized void drain() {
    if (!ended) {
      report(ServingStatus.NOT_SERVING);
      call.close(
          Status.UNAVAILABLE.withDescription("The server is shutting down."), new Metadata());
      end();
    }
  }

  @Override
  protected synchronized void onClientGone() {
    end();
  }

  private void end() {
    ended = true;
    drain.remove(onDrain);
    if (looking != null) {
      looking.cancel(false);
    }
    if (watching) {
      watching = false;
      health.endWatch();
    }
  }
}
