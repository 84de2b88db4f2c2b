package org.tsnext.grpc.management;

import io.grpc.ServerServiceDefinition;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.tsnext.api.CustomizedDescription;
import org.tsnext.api.Json;
import org.tsnext.api.ModelOperations;
import org.tsnext.api.OperationResponse;
import org.tsnext.api.Parameters;
import org.tsnext.compatibility.Deviation;
import org.tsnext.core.inference.InferenceService;
import org.tsnext.grpc.call.CallErrors;
import org.tsnext.grpc.call.RunningCall;
import org.tsnext.grpc.call.ServiceTable;
import org.tsnext.grpc.call.UnaryExchange;
import org.tsnext.grpc.messages.management.DescribeModelRequest;
import org.tsnext.grpc.messages.management.ListModelsRequest;
import org.tsnext.grpc.messages.management.Management;
import org.tsnext.grpc.messages.management.ManagementResponse;
import org.tsnext.grpc.messages.management.RegisterModelRequest;
import org.tsnext.grpc.messages.management.ScaleWorkerRequest;
import org.tsnext.grpc.messages.management.SetDefaultRequest;
import org.tsnext.grpc.messages.management.UnregisterModelRequest;

/**
 * {@code ManagementAPIsService}: the model operations, each answered with a text. An order that was
 * taken goes on if its client leaves; only a question to a handler is cancelled.
 */
public final class ManagementService {

  private static final String NAME = "org.pytorch.serve.grpc.management.ManagementAPIsService";

  private final ModelOperations operations;
  private final InferenceService inference;
  private final int maxResponseSize;
  private final boolean scalesToZero;

  private ManagementService(
      ModelOperations operations,
      InferenceService inference,
      int maxResponseSize,
      boolean scalesToZero) {
    this.operations = operations;
    this.inference = inference;
    this.maxResponseSize = maxResponseSize;
    this.scalesToZero = scalesToZero;
  }

  /**
   * The service.
   *
   * @param maxResponseSize bytes that a handler may say about itself
   */
  public static ServerServiceDefinition of(
      ModelOperations operations,
      InferenceService inference,
      int maxResponseSize,
      CallErrors errors) {
    ManagementService service =
        new ManagementService(
            operations,
            inference,
            maxResponseSize,
            !errors.form().isOriginal(Deviation.GRPC_SCALE_TO_ZERO));
    ManagementResponse response = ManagementResponse.getDefaultInstance();
    return new ServiceTable(NAME, Management.getDescriptor(), errors)
        .unary(
            "DescribeModel", DescribeModelRequest.getDefaultInstance(), response, service::describe)
        .unary("ListModels", ListModelsRequest.getDefaultInstance(), response, service::list)
        .unary(
            "RegisterModel", RegisterModelRequest.getDefaultInstance(), response, service::register)
        .unary("ScaleWorker", ScaleWorkerRequest.getDefaultInstance(), response, service::scale)
        .unary("SetDefault", SetDefaultRequest.getDefaultInstance(), response, service::setDefault)
        .unary(
            "UnregisterModel",
            UnregisterModelRequest.getDefaultInstance(),
            response,
            service::unregister)
        .build();
  }

  private void describe(UnaryExchange<ManagementResponse> exchange, DescribeModelRequest request) {
    Parameters given = new MessageParameters(request);
    String model = given.required("model_name");
    Optional<String> version = given.text("model_version");
    if (request.getCustomized() && !ModelOperations.isAllVersions(version)) {
      CustomizedDescription description = operations.describeCustomized(model, version);
      RunningCall running = new RunningCall();
      RpcDescriptionSink sink =
          new RpcDescriptionSink(exchange, running, maxResponseSize, description);
      exchange.onClientGone(sink::clientGone);
      running.isNow(inference.submit(description.question(exchange.requestId()), sink));
    } else {
      exchange.send(response(Json.text(operations.describe(model, version))));
    }
  }

  private void list(UnaryExchange<ManagementResponse> exchange, ListModelsRequest request) {
    exchange.send(response(Json.text(operations.list(new MessageParameters(request)))));
  }

  private void register(UnaryExchange<ManagementResponse> exchange, RegisterModelRequest request) {
    respond(
        exchange,
        operations
            .register(new MessageParameters(request), false)
            .thenApply(OperationResponse::text));
  }

  /** Fewer than no workers are, as in TorchServe 0.12, the default. */
  private void scale(UnaryExchange<ManagementResponse> exchange, ScaleWorkerRequest request) {
    ScaleWorkerRequest.Builder order = request.toBuilder();
    if (request.getMinWorker() < (scalesToZero ? 0 : 1)) {
      order.clearMinWorker();
    }
    if (request.getMaxWorker() < 0) {
      order.clearMaxWorker();
    }
    Parameters given = new MessageParameters(order);
    respond(
        exchange,
        operations
            .scale(given.required("model_name"), given.text("model_version"), given)
            .thenApply(OperationResponse::text));
  }

  private void setDefault(UnaryExchange<ManagementResponse> exchange, SetDefaultRequest request) {
    Parameters given = new MessageParameters(request);
    exchange.send(
        response(
            operations.setDefault(given.required("model_name"), given.required("model_version"))));
  }

  private void unregister(
      UnaryExchange<ManagementResponse> exchange, UnregisterModelRequest request) {
    Parameters given = new MessageParameters(request);
    respond(
        exchange, operations.unregister(given.required("model_name"), given.text("model_version")));
  }

  /** Once the order is carried out, on whichever thread that is. */
  @SuppressWarnings("FutureReturnValueIgnored") // The action is the end; it does not throw.
  private static void respond(
      UnaryExchange<ManagementResponse> exchange, CompletableFuture<String> order) {
    order.whenComplete(
        (text, failure) -> {
          if (failure == null) {
            exchange.send(response(text));
          } else {
            exchange.failWith(failure);
          }
        });
  }

  static ManagementResponse response(String text) {
    return ManagementResponse.newBuilder().setMsg(text).build();
  }
}
