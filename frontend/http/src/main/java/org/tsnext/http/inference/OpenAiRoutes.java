package org.tsnext.http.inference;

import static io.netty.handler.codec.http.HttpMethod.GET;
import static io.netty.handler.codec.http.HttpMethod.POST;

import java.util.List;
import java.util.Optional;
import org.tsnext.compatibility.Deviation;
import org.tsnext.core.access.Access;
import org.tsnext.core.access.HeaderPolicy;
import org.tsnext.core.error.ErrorForm;
import org.tsnext.core.inference.InferenceService;
import org.tsnext.core.model.ModelService;
import org.tsnext.http.openapi.Schemas;
import org.tsnext.http.response.Response;
import org.tsnext.http.routing.Operation;
import org.tsnext.http.routing.Operation.Body;
import org.tsnext.http.routing.Operation.Outcome;
import org.tsnext.http.routing.Route;

/** The table of the OpenAI API, two of whose paths are those of KServe v1 as well. */
public final class OpenAiRoutes {

  private static final String JSON = Response.APPLICATION_JSON;
  private static final String MODEL = "/v1/models/{model_name}";

  private static final List<Doc> DOCS =
      List.of(
          new Doc("v1/chat/completions", "createChatCompletion", "Continue a conversation."),
          new Doc("v1/completions", "createCompletion", "Continue a text."),
          new Doc("v1/embeddings", "createEmbedding", "Turn texts into vectors."),
          new Doc("v1/responses", "createResponse", "Respond to an input, if the engine can."));

  private OpenAiRoutes() {}

  /** The routes that lead to a handler, by the model that the body names. */
  public static List<Route> requests(
      InferenceService inference,
      ModelService models,
      HeaderPolicy headers,
      BodyConversions conversions) {
    PredictionHandler predictions =
        new PredictionHandler(
            inference,
            Optional.empty(),
            PredictionRoute.OPENAI,
            (routed, parts) -> routed.modelName(),
            headers);
    return DOCS.stream()
        .map(
            doc ->
                Route.of(
                        List.of(POST),
                        "/" + doc.path(),
                        new OpenAiHandler(predictions, models.served(), conversions, doc.path()),
                        doc.operation())
                    .withAccess(Access.INFERENCE)
                    .acting())
        .toList();
  }

  /** {@code GET /v1/models}. */
  public static Route models(ModelService models) {
    return Route.of(
            List.of(GET),
            "/v1/models",
            new ModelObjects(models, true)::list,
            new Operation(
                "v1Models",
                "The models by all names that requests may give them (OpenAI, KServe v1).",
                Body.NONE,
                List.of(),
                List.of(new Outcome(200, JSON, "The models", Schemas.MODEL_LIST))))
        .withAccess(Access.INFERENCE);
  }

  /**
   * {@code GET /v1/models/{name}}, which every listener has once.
   *
   * @param kserve whether clients of KServe ask, which look at the status alone
   */
  public static Route model(ModelService models, boolean kserve, ErrorForm form) {
    boolean statusTells = kserve || !form.isOriginal(Deviation.V1_READINESS_STATUS);
    ModelObjects objects = new ModelObjects(models, statusTells);
    return Route.of(List.of(GET), MODEL, objects::one, modelOperation(statusTells))
        .withAccess(Access.PROBE);
  }

  private static Operation modelOperation(boolean statusTells) {
    Outcome ready = new Outcome(200, JSON, "The model and its readiness", Schemas.MODEL_OBJECT);
    return new Operation(
            "modelReadiness",
            "A model, and whether a worker of its default version has it loaded (OpenAI, KServe v1).",
            Body.NONE,
            List.of(),
            statusTells
                ? List.of(ready, new Outcome(503, JSON, "It is not ready", Schemas.MODEL_OBJECT))
                : List.of(ready))
        .failingWith(404);
  }

  private record Doc(String path, String id, String summary) {

    Operation operation() {
      return new Operation(
              id,
              summary + " The body names the model (OpenAI).",
              Body.NAMED_MODEL,
              List.of(),
              List.of(new Outcome(200, "*/*", "JSON, or server-sent events with \"stream\": true")))
          .failingWith(404, 429, 504, 507)
          .withAnyStatus();
    }
  }
}
