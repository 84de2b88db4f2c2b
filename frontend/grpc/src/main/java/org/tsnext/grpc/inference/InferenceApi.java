package org.tsnext.grpc.inference;

import com.google.protobuf.Empty;
import io.grpc.MethodDescriptor.MethodType;
import io.grpc.ServerServiceDefinition;
import org.tsnext.api.HealthJson;
import org.tsnext.api.Json;
import org.tsnext.core.error.ErrorForm;
import org.tsnext.core.inference.InferenceService;
import org.tsnext.core.model.ModelService;
import org.tsnext.grpc.call.CallErrors;
import org.tsnext.grpc.call.HeldMemory;
import org.tsnext.grpc.call.ServiceTable;
import org.tsnext.grpc.messages.inference.Inference;
import org.tsnext.grpc.messages.inference.TorchServeHealthResponse;
import org.tsnext.grpc.server.Drain;
import org.tsnext.grpc.settings.GrpcLimits;
import org.tsnext.transport.BodyMemory;

/** The table of the rpcs of {@code InferenceAPIsService}. */
public final class InferenceApi {

  public static final String NAME = "org.pytorch.serve.grpc.inference.InferenceAPIsService";

  /** The rpc that says whether the server is well. */
  public static final String PING = "Ping";

  private InferenceApi() {}

  public static ServerServiceDefinition service(
      InferenceService inference,
      ModelService models,
      GrpcLimits limits,
      RequestReader reader,
      BodyMemory memory,
      CallErrors errors,
      Drain drain) {
    HeldMemory held = new HeldMemory(memory);
    return new ServiceTable(NAME, Inference.getDescriptor(), errors)
        .unary(
            PING,
            Empty.getDefaultInstance(),
            TorchServeHealthResponse.getDefaultInstance(),
            (exchange, empty) -> exchange.send(health(models, errors.form())))
        .unary(
            "Predictions",
            PredictionMarshaller.INSTANCE,
            OutgoingPredictionMarshaller.INSTANCE,
            new Predictions(inference, reader, limits.maxResponseSize()))
        .rpc(
            MethodType.SERVER_STREAMING,
            "StreamPredictions",
            PredictionMarshaller.INSTANCE,
            OutgoingPredictionMarshaller.INSTANCE,
            new StreamPredictions(inference, reader, errors, limits.streamBufferLimit()))
        .rpc(
            MethodType.BIDI_STREAMING,
            "StreamPredictions2",
            PredictionMarshaller.INSTANCE,
            OutgoingPredictionMarshaller.INSTANCE,
            new SequenceStreams(
                inference, models, reader, held, errors, drain, limits.streamBufferLimit()))
        .build();
  }

  private static TorchServeHealthResponse health(ModelService models, ErrorForm form) {
    return TorchServeHealthResponse.newBuilder()
        .setHealth(Json.text(HealthJson.of(models.health(), form)))
        .build();
  }
}
