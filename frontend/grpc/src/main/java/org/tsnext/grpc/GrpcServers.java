package org.tsnext.grpc;

import io.grpc.ServerServiceDefinition;
import io.grpc.ServiceDescriptor;
import io.grpc.protobuf.services.ProtoReflectionServiceV1;
import io.netty.channel.EventLoopGroup;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Collectors;
import org.tsnext.api.ModelOperations;
import org.tsnext.api.OpenInference;
import org.tsnext.core.access.Access;
import org.tsnext.core.access.HeaderPolicy;
import org.tsnext.core.inference.InferenceService;
import org.tsnext.core.model.ModelService;
import org.tsnext.core.time.Clock;
import org.tsnext.grpc.call.CallErrors;
import org.tsnext.grpc.health.HealthApi;
import org.tsnext.grpc.inference.InferenceApi;
import org.tsnext.grpc.inference.RequestReader;
import org.tsnext.grpc.management.ManagementService;
import org.tsnext.grpc.openinference.ModelInfer;
import org.tsnext.grpc.openinference.OpenInferenceService;
import org.tsnext.grpc.server.Drain;
import org.tsnext.grpc.server.GrpcListener;
import org.tsnext.grpc.server.Offer;
import org.tsnext.grpc.settings.GrpcAddress;
import org.tsnext.grpc.settings.GrpcSettings;
import org.tsnext.grpc.settings.ServiceSettings;
import org.tsnext.transport.BodyMemory;
import org.tsnext.transport.ConnectionCount;
import org.tsnext.transport.Transport;

/**
 * The gRPC listeners of a server. The event loops stay the caller's to end. The methods are for one
 * thread, which is none of those loops.
 */
public final class GrpcServers implements AutoCloseable {

  private final GrpcSettings settings;
  private final InferenceService inference;
  private final ModelService models;
  private final BodyMemory memory;
  private final GrpcListener.ListenerContext context;
  private final Drain drain = new Drain();
  private final List<GrpcListener> listeners = new ArrayList<>();

  /**
   * Prepares the listeners.
   *
   * @param memory for bodies, shared with the other transports
   */
  public GrpcServers(
      GrpcSettings settings,
      InferenceService inference,
      ModelService models,
      BodyMemory memory,
      Transport transport,
      EventLoopGroup loops,
      Clock clock) {
    this.settings = Objects.requireNonNull(settings, "settings");
    this.inference = Objects.requireNonNull(inference, "inference");
    this.models = Objects.requireNonNull(models, "models");
    this.memory = Objects.requireNonNull(memory, "memory");
    this.context =
        new GrpcListener.ListenerContext(
            settings.limits(),
            settings.access(),
            new CallErrors(settings.errors()),
            memory,
            new GrpcListener.Network(transport, loops),
            clock,
            settings.services().following());
  }

  /**
   * Opens the listeners, inference first. If one fails, none stays open. Blocks for a moment.
   *
   * @throws IOException naming the address and its configuration key
   */
  public List<BoundGrpcListener> bind() throws IOException {
    try {
      GrpcSettings.Addresses addresses = settings.addresses();
      List<BoundGrpcListener> bound = new ArrayList<>();
      ConnectionCount ofInference = count(addresses.inference());
      bound.add(open("inference", addresses.inference(), inferenceOffers(), ofInference, context));
      bound.add(
          open(
              "management",
              addresses.management(),
              managementOffers(),
              count(addresses.management()),
              context));
      if (addresses.kserve().isPresent()) {
        List<Offer> offers =
            settings.services().openInference().map(this::openInference).orElseThrow();
        bound.add(
            open("kserve", addresses.kserve().get(), offers, ofInference, context.withoutTokens()));
      }
      return bound;
    } catch (IOException e) {
      close();
      throw e;
    }
  }

  private ConnectionCount count(GrpcAddress address) {
    return new ConnectionCount(
        address.maxConnections(), address.maxConnectionsKey(), context.clock()::nanoTime);
  }

  private BoundGrpcListener open(
      String role,
      GrpcAddress address,
      List<Offer> offers,
      ConnectionCount count,
      GrpcListener.ListenerContext ofListener)
      throws IOException {
    GrpcListener listener = GrpcListener.open(address, withCommon(offers), count, ofListener);
    listeners.add(listener);
    return new BoundGrpcListener(role, listener.address(), listener.port());
  }

  private List<Offer> inferenceOffers() {
    List<Offer> offers = new ArrayList<>();
    offers.add(
        new Offer(
            InferenceApi.service(
                inference,
                models,
                settings.limits(),
                new RequestReader(settings.sequences(), headers()),
                memory,
                context.errors().ofInference(),
                drain),
            Access.INFERENCE,
            Set.of(InferenceApi.PING)));
    settings.services().openInference().ifPresent(offered -> offers.addAll(openInference(offered)));
    return offers;
  }

  private List<Offer> openInference(ServiceSettings.OpenInferenceProtocol offered) {
    ModelInfer infer =
        new ModelInfer(inference, settings.limits(), headers(), offered.conversions());
    return OpenInferenceService.of(
            new OpenInference(models), infer, offered.serverVersion(), context.errors())
        .stream()
        .map(service -> new Offer(service, Access.INFERENCE, OpenInferenceService.PROBES))
        .toList();
  }

  private HeaderPolicy headers() {
    return HeaderPolicy.of(settings.access().tokens().isPresent());
  }

  private List<Offer> managementOffers() {
    return List.of(
        new Offer(
            ManagementService.of(
                new ModelOperations(
                    models, settings.services().modelApi(), settings.errors().compatibility()),
                inference,
                settings.limits().maxResponseSize(),
                context.errors().ofManagement()),
            Access.MANAGEMENT));
  }

  /** Adds what every listener has. */
  private List<Offer> withCommon(List<Offer> own) {
    Set<String> names =
        own.stream()
            .map(Offer::service)
            .map(ServerServiceDefinition::getServiceDescriptor)
            .map(ServiceDescriptor::getName)
            .collect(Collectors.toUnmodifiableSet());
    List<Offer> all = new ArrayList<>(own);
    all.add(
        new Offer(
            HealthApi.service(models, names, context.errors(), context.network().loops(), drain),
            Access.PROBE));
    if (settings.reflection()) {
      all.add(new Offer(ProtoReflectionServiceV1.newInstance().bindService(), Access.DESCRIPTION));
    }
    return all;
  }

  /** Takes no new connections and no new calls; those that run may end. Blocks for a moment. */
  public void stopAccepting() {
    listeners.forEach(GrpcListener::stop);
    drain.begin();
  }

  /** As {@link #stopAccepting}, then ends what still runs after {@code limit}. Blocks. */
  public void close(Duration limit) {
    stopAccepting();
    long endNanos = context.clock().nanoTime() + limit.toNanos();
    try {
      for (GrpcListener listener : listeners) {
        listener.close(Duration.ofNanos(Math.max(0, endNanos - context.clock().nanoTime())));
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    listeners.clear();
  }

  /** As {@link #close(Duration)} without any patience. */
  @Override
  public void close() {
    close(Duration.ZERO);
  }
}
