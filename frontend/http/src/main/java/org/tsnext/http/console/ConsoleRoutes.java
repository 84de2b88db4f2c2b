package org.tsnext.http.console;

import static io.netty.handler.codec.http.HttpMethod.GET;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import java.util.List;
import org.tsnext.api.OverviewJson;
import org.tsnext.api.Parameters;
import org.tsnext.core.request.BoundedNumber;
import org.tsnext.core.settings.VersionId;
import org.tsnext.core.time.Clock;
import org.tsnext.http.response.Response;
import org.tsnext.http.routing.LaterResponse;
import org.tsnext.http.routing.Route;
import org.tsnext.http.routing.RoutedRequest;

/**
 * What the console asks beside the management API: its stream, histories, lines of logs, and what
 * is in the model store. All of it asks for the management token; none of it changes anything.
 */
public final class ConsoleRoutes implements AutoCloseable {

  private static final String VERSION = "/{model_name}/{model_version}";

  private final ConsoleSource source;
  private final ServerFacts facts;
  private final ConsoleStreams streams;

  /**
   * What a console is told of the server.
   *
   * @param version of the server
   * @param modelApi whether models can be registered and unregistered
   * @param inferenceToken whether models are asked with a token of their own
   * @param inferenceAddress where, as configured
   */
  public record ServerFacts(
      String version, boolean modelApi, boolean inferenceToken, String inferenceAddress) {}

  /** Makes the routes, and has them hear of samples. */
  public ConsoleRoutes(ConsoleSource source, ServerFacts facts, Clock clock) {
    this.source = source;
    this.facts = facts;
    this.streams = new ConsoleStreams(clock);
    source.sampler().addListener(streams::accept);
  }

  /** The table. */
  public List<Route> routes() {
    return List.of(
        Route.undocumented(List.of(GET), PageRoutes.CONSOLE + "/stream", this::stream),
        Route.undocumented(List.of(GET), PageRoutes.CONSOLE + "/history" + VERSION, this::history),
        Route.undocumented(List.of(GET), PageRoutes.CONSOLE + "/log" + VERSION, this::log),
        Route.undocumented(List.of(GET), PageRoutes.CONSOLE + "/store", this::store));
  }

  /** How many consoles are open. */
  public int open() {
    return streams.count();
  }

  /** Ends all streams. */
  @Override
  public void close() {
    streams.end();
  }

  private void stream(RoutedRequest request) {
    JsonObject server = new JsonObject();
    server.addProperty("version", facts.version());
    server.addProperty("modelApi", facts.modelApi());
    server.addProperty("inferenceToken", facts.inferenceToken());
    server.addProperty("inferenceAddress", facts.inferenceAddress());
    JsonObject start = OverviewJson.start(source.sampler());
    start.add("server", server);
    streams.open(request.exchange(), start, source.sampler().latest());
  }

  private void history(RoutedRequest request) {
    request
        .exchange()
        .send(Response.json(200, OverviewJson.history(source.sampler(), id(request))));
  }

  private void log(RoutedRequest request) {
    String after = request.query().get("after").orElse("0");
    long number =
        BoundedNumber.whole(after)
            .orElseThrow(() -> Parameters.unexpected("after", after, "the number of a line"));
    request
        .exchange()
        .send(Response.json(200, OverviewJson.lines(source.lines().after(id(request), number))));
  }

  private void store(RoutedRequest request) {
    LaterResponse.send(
        request.exchange(),
        source.store().get(),
        names -> {
          JsonArray models = new JsonArray();
          names.forEach(models::add);
          JsonObject json = new JsonObject();
          json.add("models", models);
          return Response.json(200, json);
        });
  }

  private static VersionId id(RoutedRequest request) {
    return new VersionId(request.modelName(), request.modelVersion().orElseThrow());
  }
}
