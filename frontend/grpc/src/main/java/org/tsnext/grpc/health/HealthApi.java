package org.tsnext.grpc.health;

import io.grpc.MethodDescriptor.MethodType;
import io.grpc.ServerServiceDefinition;
import io.grpc.health.v1.HealthCheckRequest;
import io.grpc.health.v1.HealthCheckResponse;
import io.grpc.health.v1.HealthCheckResponse.ServingStatus;
import io.grpc.health.v1.HealthProto;
import io.grpc.protobuf.ProtoUtils;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.Semaphore;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.model.ModelService;
import org.tsnext.core.model.ReadinessReport;
import org.tsnext.grpc.call.CallErrors;
import org.tsnext.grpc.call.MessageGuard;
import org.tsnext.grpc.call.MessageMarshaller;
import org.tsnext.grpc.call.ServiceTable;
import org.tsnext.grpc.server.Drain;

/**
 * What is ready for requests: the server under the empty name or that of a service of this
 * listener, a model under its own.
 */
public final class HealthApi {

  public static final String NAME = "grpc.health.v1.Health";

  /** Watches of a listener at a time: they need no token, and each looks twice a second. */
  static final int MAX_WATCHES = 1000;

  private final ModelService models;
  private final Set<String> services;
  private final Semaphore watches = new Semaphore(MAX_WATCHES);

  private HealthApi(ModelService models, Set<String> services) {
    this.models = models;
    this.services = Set.copyOf(services);
  }

  /**
   * The service.
   *
   * @param services full names of those that the listener offers
   * @param scheduler looks after what clients watch
   */
  public static ServerServiceDefinition service(
      ModelService models,
      Set<String> services,
      CallErrors errors,
      ScheduledExecutorService scheduler,
      Drain drain) {
    HealthApi health = new HealthApi(models, services);
    HealthCheckRequest request = HealthCheckRequest.getDefaultInstance();
    HealthCheckResponse response = HealthCheckResponse.getDefaultInstance();
    return new ServiceTable(NAME, HealthProto.getDescriptor(), errors)
        .unary(
            "Check",
            request,
            response,
            (exchange, asked) -> exchange.send(response(health.known(asked.getService()))))
        .rpc(
            MethodType.SERVER_STREAMING,
            "Watch",
            new MessageMarshaller<>(request, MessageGuard.NONE),
            ProtoUtils.marshaller(response),
            (call, headers) -> new HealthWatch(call, health, errors, scheduler, drain))
        .build();
  }

  /** Whether one more client may watch; then {@link #endWatch} comes later. */
  boolean beginWatch() {
    return watches.tryAcquire();
  }

  void endWatch() {
    watches.release();
  }

  static HealthCheckResponse response(ServingStatus status) {
    return HealthCheckResponse.newBuilder().setStatus(status).build();
  }

  /** The status of something, or empty if there is nothing of that name now. */
  Optional<ServingStatus> of(String name) {
    if (name.isEmpty() || services.contains(name)) {
      return Optional.of(status(models.readiness()));
    }
    try {
      return Optional.of(status(models.readiness(name, Optional.empty())));
    } catch (ServingException e) {
      return Optional.empty();
    }
  }

  private ServingStatus known(String name) {
    return of(name)
        .orElseThrow(
            () ->
                new ServingException(
                    ErrorKind.RESOURCE_NOT_FOUND,
                    "Unknown service: "
                        + name
                        + ", expected nothing for the server, a service of this port or a model."));
  }

  private static ServingStatus status(ReadinessReport readiness) {
    return readiness.ready() ? ServingStatus.SERVING : ServingStatus.NOT_SERVING;
  }
}
