package org.tsnext.grpc.openinference;

import io.grpc.ServerServiceDefinition;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.tsnext.api.OpenInference;
import org.tsnext.api.Parameters;
import org.tsnext.grpc.call.CallErrors;
import org.tsnext.grpc.call.ServiceTable;
import org.tsnext.grpc.call.UnaryExchange;
import org.tsnext.grpc.call.UnaryHandler;
import org.tsnext.grpc.messages.openinference.ModelInferRequest;
import org.tsnext.grpc.messages.openinference.ModelInferResponse;
import org.tsnext.grpc.messages.openinference.ModelMetadataRequest;
import org.tsnext.grpc.messages.openinference.ModelMetadataResponse;
import org.tsnext.grpc.messages.openinference.ModelReadyRequest;
import org.tsnext.grpc.messages.openinference.ModelReadyResponse;
import org.tsnext.grpc.messages.openinference.OpenInferenceGrpc;
import org.tsnext.grpc.messages.openinference.ServerLiveRequest;
import org.tsnext.grpc.messages.openinference.ServerLiveResponse;
import org.tsnext.grpc.messages.openinference.ServerMetadataRequest;
import org.tsnext.grpc.messages.openinference.ServerMetadataResponse;
import org.tsnext.grpc.messages.openinference.ServerReadyRequest;
import org.tsnext.grpc.messages.openinference.ServerReadyResponse;

/**
 * {@code GRPCInferenceService}, the Open Inference Protocol: under the package of TorchServe 0.12
 * and under the standard one.
 */
public final class OpenInferenceService {

  /** Rpcs that say whether something is well. */
  public static final Set<String> PROBES = Set.of("ServerLive", "ServerReady", "ModelReady");

  private static final List<String> PACKAGES =
      List.of("org.pytorch.serve.grpc.openinference", "inference");

  private final OpenInference protocol;
  private final ServerMetadataResponse metadata;

  private OpenInferenceService(OpenInference protocol, String serverVersion) {
    this.protocol = protocol;
    this.metadata =
        ServerMetadataResponse.newBuilder()
            .setName(OpenInference.SERVER_NAME)
            .setVersion(serverVersion)
            .addAllExtensions(OpenInference.EXTENSIONS)
            .build();
  }

  /**
   * The service under each of its names.
   *
   * @param infer answers {@code ModelInfer}
   */
  public static List<ServerServiceDefinition> of(
      OpenInference protocol,
      UnaryHandler<ModelInferRequest, ModelInferResponse> infer,
      String serverVersion,
      CallErrors errors) {
    OpenInferenceService service = new OpenInferenceService(protocol, serverVersion);
    return PACKAGES.stream().map(name -> service.under(name, infer, errors)).toList();
  }

  private ServerServiceDefinition under(
      String packageName,
      UnaryHandler<ModelInferRequest, ModelInferResponse> infer,
      CallErrors errors) {
    return new ServiceTable(
            packageName + ".GRPCInferenceService",
            PackageAlias.of(OpenInferenceGrpc.getDescriptor(), packageName),
            errors)
        .unary(
            "ServerLive",
            ServerLiveRequest.getDefaultInstance(),
            ServerLiveResponse.getDefaultInstance(),
            (exchange, request) ->
                exchange.send(ServerLiveResponse.newBuilder().setLive(true).build()))
        .unary(
            "ServerReady",
            ServerReadyRequest.getDefaultInstance(),
            ServerReadyResponse.getDefaultInstance(),
            (exchange, request) ->
                exchange.send(
                    ServerReadyResponse.newBuilder().setReady(protocol.isReady()).build()))
        .unary(
            "ServerMetadata",
            ServerMetadataRequest.getDefaultInstance(),
            metadata,
            (exchange, request) -> exchange.send(metadata))
        .unary(
            "ModelReady",
            ModelReadyRequest.getDefaultInstance(),
            ModelReadyResponse.getDefaultInstance(),
            this::modelReady)
        .unary(
            "ModelMetadata",
            ModelMetadataRequest.getDefaultInstance(),
            ModelMetadataResponse.getDefaultInstance(),
            this::modelMetadata)
        .unary(
            "ModelInfer",
            ModelInferRequest.getDefaultInstance(),
            ModelInferResponse.getDefaultInstance(),
            InferGuard::check,
            infer)
        .build();
  }

  private void modelReady(UnaryExchange<ModelReadyResponse> exchange, ModelReadyRequest request) {
    boolean ready =
        protocol.isReady(required("name", request.getName()), versionOf(request.getVersion()));
    exchange.send(ModelReadyResponse.newBuilder().setReady(ready).build());
  }

  /** Tensors are between the model's clients and its handler: none are listed. */
  private void modelMetadata(
      UnaryExchange<ModelMetadataResponse> exchange, ModelMetadataRequest request) {
    String name = required("model_name", request.getName());
    exchange.send(
        ModelMetadataResponse.newBuilder()
            .setName(name)
            .addAllVersions(protocol.versions(name, versionOf(request.getVersion())))
            .build());
  }

  static Optional<String> versionOf(String version) {
    return version.isEmpty() ? Optional.empty() : Optional.of(version);
  }

  static String required(String parameter, String value) {
    if (value.isEmpty()) {
      throw Parameters.missing(parameter);
    }
    return value;
  }
}
