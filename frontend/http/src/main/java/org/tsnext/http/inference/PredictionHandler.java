package org.tsnext.http.inference;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import io.netty.buffer.UnpooledByteBufAllocator;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.tsnext.core.access.HeaderPolicy;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.inference.InferenceService;
import org.tsnext.core.inference.InferenceService.InferenceCall;
import org.tsnext.core.request.Header;
import org.tsnext.core.request.InferenceRequest;
import org.tsnext.core.request.InputLimits;
import org.tsnext.core.request.InputPart;
import org.tsnext.core.request.Protocol;
import org.tsnext.core.request.ResponseSink;
import org.tsnext.http.connection.Exchange;
import org.tsnext.http.jobs.JobSubmission;
import org.tsnext.http.request.InputReader;
import org.tsnext.http.request.QueryParameters;
import org.tsnext.http.routing.RouteHandler;
import org.tsnext.http.routing.RoutedRequest;

/** Predictions and explanations: reads the inputs, asks the core, lets it answer. */
final class PredictionHandler implements RouteHandler {

  private final InferenceService inference;
  private final Optional<JobSubmission> jobs;
  private final PredictionRoute route;
  private final ModelChoice choice;
  private final HeaderPolicy headers;

  /**
   * @param jobs begins those that clients prefer not to wait for; empty if every client waits
   * @param choice of the model, or the workflow, that is asked
   * @param headers which of them the handler gets
   */
  PredictionHandler(
      InferenceService inference,
      Optional<JobSubmission> jobs,
      PredictionRoute route,
      ModelChoice choice,
      HeaderPolicy headers) {
    this.inference = inference;
    this.jobs = jobs;
    this.route = route;
    this.choice = choice;
    this.headers = headers;
  }

  @Override
  public void handle(RoutedRequest routed) {
    Exchange exchange = routed.exchange();
    handle(routed, exchange.takeBody());
  }

  /** As {@link #handle}, with the body of its request, which is taken over. */
  void handle(RoutedRequest routed, ByteBuf body) {
    handle(routed, inputs(routed, body));
  }

  /** As {@link #handle}, with its inputs, which are taken over. */
  void handle(RoutedRequest routed, List<InputPart> parts) {
    Exchange exchange = routed.exchange();
    if (jobs.isPresent() && jobs.get().wants(exchange.headers())) {
      jobs.get().submit(exchange, checkedRequest(routed, parts));
    } else {
      submit(routed, parts, new InferenceSink(exchange));
    }
  }

  /** As {@link #handle}, with headers beside those that the model sets. */
  void handleWith(List<Header> headersOfResponse, RoutedRequest routed) {
    Exchange exchange = routed.exchange();
    List<InputPart> parts = inputs(routed, exchange.takeBody());
    submit(routed, parts, new InferenceSink(exchange, headersOfResponse));
  }

  /**
   * Asks the core.
   *
   * @param parts taken over
   * @throws ServingException is answered as an error
   */
  void submit(RoutedRequest routed, List<InputPart> parts, ResponseSink sink) {
    InferenceCall call = inference.submit(checkedRequest(routed, parts), sink);
    routed.exchange().onClientGone(call::cancel);
  }

  private InferenceRequest checkedRequest(RoutedRequest routed, List<InputPart> parts) {
    try {
      return request(routed, parts);
    } catch (ServingException e) {
      parts.forEach(part -> part.value().release());
      throw e;
    }
  }

  private InferenceRequest request(RoutedRequest routed, List<InputPart> parts) {
    InputLimits.check(parts);
    Exchange exchange = routed.exchange();
    String urlPath = routed.parameters().getOrDefault("url_path", "");
    return new InferenceRequest(
        exchange.requestId(),
        new InferenceRequest.Target(choice.of(routed, parts), routed.modelVersion()),
        route.kind(),
        new InferenceRequest.Origin(Protocol.HTTP, false, exchange.timeline()),
        HandlerHeaderList.of(exchange.headers(), headers, route, urlPath),
        parts,
        RequestTimeout.of(exchange.headers()));
  }

  private List<InputPart> inputs(RoutedRequest routed, ByteBuf body) {
    QueryParameters query = routed.query();
    List<InputPart> ofBody = InputReader.read(routed.exchange().contentType(), body);
    if (!route.queryAsInputs() || query.asMap().isEmpty()) {
      return ofBody;
    }
    List<InputPart> parts = new ArrayList<>(query.asMap().size() + ofBody.size());
    query.asMap().forEach((name, value) -> parts.add(new InputPart(name, "", bytes(value))));
    parts.addAll(ofBody);
    return parts;
  }

  private static ByteBuf bytes(String value) {
    return value.isEmpty()
        ? Unpooled.EMPTY_BUFFER
        : ByteBufUtil.writeUtf8(UnpooledByteBufAllocator.DEFAULT, value);
  }
}
