package org.tsnext.http.inference;

import io.netty.buffer.ByteBuf;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaders;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.tsnext.api.Parameters;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.model.Names;
import org.tsnext.core.model.ServedModels;
import org.tsnext.core.model.ServedModels.ServedModel;
import org.tsnext.core.request.InputPart;
import org.tsnext.http.connection.Exchange;
import org.tsnext.http.request.ModelMember;
import org.tsnext.http.routing.RouteHandler;
import org.tsnext.http.routing.RoutedRequest;

/**
 * A request of the OpenAI API: finds the model that its body names, and passes the body on as it
 * is. What is in it is the handler's to read, see the package {@code ts.openai}.
 */
final class OpenAiHandler implements RouteHandler {

  private static final String IDENTITY = "identity";

  private final PredictionHandler predictions;
  private final ServedModels models;
  private final BodyConversions conversions;
  private final String path;

  /**
   * @param path of the route without the first slash, such as {@code v1/embeddings}
   */
  OpenAiHandler(
      PredictionHandler predictions,
      ServedModels models,
      BodyConversions conversions,
      String path) {
    this.predictions = predictions;
    this.models = models;
    this.conversions = conversions;
    this.path = path;
  }

  /**
   * A request that was looked at.
   *
   * @param body not yet anyone's to release
   */
  private record Named(String model, ByteBuf body) {}

  @Override
  public void handle(RoutedRequest routed) {
    Exchange exchange = routed.exchange();
    requireNoCoding(exchange.headers());
    conversions.convertRequest(
        exchange,
        exchange.takeBody(),
        whole -> new Named(ModelMember.of(whole), whole.retain()),
        named -> submit(routed, named),
        named -> named.body().release());
  }

  /** Bodies are read as they come: what is compressed would be told to be no JSON. */
  private static void requireNoCoding(HttpHeaders headers) {
    String coding = headers.get(HttpHeaderNames.CONTENT_ENCODING, IDENTITY).trim();
    if (!coding.isEmpty() && !coding.equalsIgnoreCase(IDENTITY)) {
      throw new ServingException(
          ErrorKind.BAD_REQUEST,
          "The body has the content-encoding "
              + Parameters.shown(coding)
              + ", expected none: send the JSON as it is.");
    }
  }

  private void submit(RoutedRequest routed, Named named) {
    RoutedRequest toModel;
    try {
      toModel = toModel(routed, named.model());
    } catch (ServingException e) {
      named.body().release();
      throw e;
    }
    predictions.submit(
        toModel,
        List.of(new InputPart("body", "application/json", named.body())),
        new InferenceSink(routed.exchange()));
  }

  private RoutedRequest toModel(RoutedRequest routed, String name) {
    Map<String, String> parameters = new HashMap<>();
    Optional<ServedModel> found = models.find(name);
    found.ifPresent(this::requireRoute);
    // What is not registered may have failed at the start: the core knows the reason.
    parameters.put("model_name", found.map(ServedModel::modelName).orElseGet(() -> known(name)));
    found
        .flatMap(ServedModel::version)
        .ifPresent(version -> parameters.put("model_version", version));
    parameters.put("url_path", path);
    return new RoutedRequest(routed.exchange(), parameters, routed.query());
  }

  private void requireRoute(ServedModel model) {
    if (model.routes().isPresent() && !model.routes().get().contains(path)) {
      throw new ServingException(
              ErrorKind.RESOURCE_NOT_FOUND,
              "Model " + model.id() + " does not serve /" + path + ".")
          .withDetail(
              model.routes().get().isEmpty()
                  ? "Its handler is not one of the OpenAI API: ask /predictions/"
                      + model.modelName()
                      + " instead."
                  : "It serves "
                      + String.join(", ", model.routes().get().stream().sorted().toList())
                      + ".");
    }
  }

  /** A name that none can be registered under, such as one with a slash, is not found either. */
  private static String known(String name) {
    if (!Names.isPossible(name)) {
      throw new ServingException(
          ErrorKind.MODEL_NOT_FOUND, "Model not found: " + Parameters.shown(name));
    }
    return name;
  }
}
