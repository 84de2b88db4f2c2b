package org.tsnext.http.management;

import java.util.List;
import java.util.Optional;
import org.tsnext.api.CustomizedDescription;
import org.tsnext.api.Json;
import org.tsnext.api.ModelOperations;
import org.tsnext.api.OperationResponse;
import org.tsnext.api.Parameters;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.inference.InferenceService;
import org.tsnext.core.inference.InferenceService.InferenceCall;
import org.tsnext.http.connection.Exchange;
import org.tsnext.http.response.ErrorRenderer;
import org.tsnext.http.response.Response;
import org.tsnext.http.routing.LaterResponse;
import org.tsnext.http.routing.RoutedRequest;

/** The handlers of the model routes. The statuses are those that old clients know. */
final class ModelHandlers {

  private final ModelOperations operations;
  private final InferenceService inference;

  ModelHandlers(ModelOperations operations, InferenceService inference) {
    this.operations = operations;
    this.inference = inference;
  }

  void list(RoutedRequest request) {
    request
        .exchange()
        .send(Response.json(200, operations.list(RequestParameters.ofQuery(request))));
  }

  void describe(RoutedRequest request) {
    boolean customized = operations.asksHandler(RequestParameters.ofQuery(request));
    Optional<String> version = request.modelVersion();
    if (customized && !ModelOperations.isAllVersions(version)) {
      askHandler(request, operations.describeCustomized(request.modelName(), version));
    } else {
      request
          .exchange()
          .send(Response.json(200, operations.describe(request.modelName(), version)));
    }
  }

  private void askHandler(RoutedRequest request, CustomizedDescription description) {
    Exchange exchange = request.exchange();
    InferenceCall call =
        inference.submit(
            description.question(exchange.requestId()),
            new HttpDescriptionSink(exchange, description));
    exchange.onClientGone(call::cancel);
  }

  void register(RoutedRequest request, KnownParameters known) {
    if (refusesModelApi(request)) {
      return;
    }
    LaterResponse.send(
        request.exchange(),
        operations.register(RequestParameters.ofBody(request, known), true),
        ModelHandlers::response);
  }

  void scale(RoutedRequest request) {
    Parameters query = RequestParameters.ofQuery(request);
    Optional<String> version = request.modelVersion().or(() -> query.text("model_version"));
    LaterResponse.send(
        request.exchange(),
        operations.scale(request.modelName(), version, query),
        ModelHandlers::response);
  }

  private static Response response(OperationResponse response) {
    int status =
        switch (response.outcome()) {
          case REGISTERED_WITHOUT_WORKERS, DONE -> 200;
          case ACCEPTED -> 202;
          case PARTIAL -> 206;
        };
    return Response.json(status, Json.status(response.text()));
  }

  void unregister(RoutedRequest request) {
    if (refusesModelApi(request)) {
      return;
    }
    LaterResponse.send(
        request.exchange(),
        operations.unregister(request.modelName(), request.modelVersion()),
        Response::ok);
  }

  void setDefault(RoutedRequest request) {
    String version = request.modelVersion().orElseThrow();
    request.exchange().send(Response.ok(operations.setDefault(request.modelName(), version)));
  }

  private boolean refusesModelApi(RoutedRequest request) {
    if (!operations.modelApi()) {
      request
          .exchange()
          .fail(
              ErrorRenderer.methodNotAllowed(ErrorKind.MODEL_API_DISABLED)
                  .withDetail(ModelOperations.SWITCHED_OFF),
              request.parameters().isEmpty()
                  ? List.of("GET", "HEAD")
                  : List.of("GET", "HEAD", "PUT", "OPTIONS"));
    }
    return !operations.modelApi();
  }
}
