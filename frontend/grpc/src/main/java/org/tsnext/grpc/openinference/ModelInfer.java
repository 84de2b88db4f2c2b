package org.tsnext.grpc.openinference;

import io.netty.buffer.ByteBuf;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import org.tsnext.core.access.HeaderPolicy;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.inference.InferenceService;
import org.tsnext.core.request.InferenceRequest;
import org.tsnext.core.request.InputPart;
import org.tsnext.core.request.Protocol;
import org.tsnext.core.request.ResponseHead;
import org.tsnext.grpc.call.CallFacts;
import org.tsnext.grpc.call.HandlerMetadata;
import org.tsnext.grpc.call.InboundCall;
import org.tsnext.grpc.call.RunningCall;
import org.tsnext.grpc.call.UnaryExchange;
import org.tsnext.grpc.call.UnaryHandler;
import org.tsnext.grpc.call.UnarySink;
import org.tsnext.grpc.messages.openinference.ModelInferRequest;
import org.tsnext.grpc.messages.openinference.ModelInferResponse;
import org.tsnext.grpc.settings.GrpcLimits;

/**
 * {@code ModelInfer}: gives the handler the JSON that it gets over HTTP, and reads the JSON that it
 * answers. Writing and reading a large tensor takes milliseconds, and so its own threads.
 */
public final class ModelInfer implements UnaryHandler<ModelInferRequest, ModelInferResponse> {

  /** Bytes of JSON, a fraction of a millisecond, up to which an event loop does it. */
  private static final int LARGE = 32 * 1024;

  private final InferenceService inference;
  private final GrpcLimits limits;
  private final HeaderPolicy headers;
  private final Executor conversions;

  /**
   * @param headers which metadata handlers get
   * @param conversions runs what an event loop should not
   */
  public ModelInfer(
      InferenceService inference, GrpcLimits limits, HeaderPolicy headers, Executor conversions) {
    this.inference = inference;
    this.limits = limits;
    this.headers = headers;
    this.conversions = conversions;
  }

  @Override
  public void handle(UnaryExchange<ModelInferResponse> exchange, ModelInferRequest request) {
    OpenInferenceService.required("model_name", request.getModelName());
    int bytes = (int) Math.min(InferRequests.expectedSize(request), limits.maxRequestSize());
    InboundCall.current().hold(bytes);
    Running running = new Running(exchange, new RunningCall(), request, exchange.timeout());
    exchange.onClientGone(running::leave);
    convert(bytes, exchange, running::submit);
  }

  /** Here, or on a thread where it delays no other call; what it throws fails the call. */
  private void convert(int bytes, UnaryExchange<?> exchange, Runnable work) {
    Runnable guarded =
        () -> {
          try {
            work.run();
          } catch (Throwable e) {
            exchange.failWith(e);
          }
        };
    if (bytes <= LARGE) {
      guarded.run();
    } else {
      conversions.execute(guarded);
    }
  }

  /** A call on its way to the handler and back. */
  private final class Running extends UnarySink<ModelInferResponse> {
    private final RunningCall call;
    private final ResponseForm form;
    private final Optional<Duration> timeout;

    /** Null once it is not needed: it may be large, and may wait for its turn to be written. */
    private volatile ModelInferRequest request;

    Running(
        UnaryExchange<ModelInferResponse> exchange,
        RunningCall call,
        ModelInferRequest request,
        Optional<Duration> timeout) {
      super(exchange, call, limits.maxResponseSize());
      this.call = call;
      this.form = ResponseForm.of(request, exchange.requestId());
      this.timeout = timeout;
      this.request = request;
    }

    void leave() {
      request = null;
      clientGone();
    }

    void submit() {
      ModelInferRequest asked = request;
      if (asked == null) {
        return;
      }
      request = null;
      CallFacts facts = CallFacts.of(exchange().headers(), headers, exchange().timeline());
      ByteBuf json = InferRequests.toJson(asked, limits.maxRequestSize());
      InferenceRequest question =
          new InferenceRequest(
              exchange().requestId(),
              new InferenceRequest.Target(
                  form.modelName(), OpenInferenceService.versionOf(form.modelVersion())),
              facts.kind(),
              new InferenceRequest.Origin(Protocol.GRPC, true, facts.timeline()),
              facts.headers(),
              List.of(new InputPart("body", "application/json", json)),
              timeout);
      call.isNow(inference.submit(question, this));
    }

    @Override
    protected void respond(ResponseHead head, ByteBuf body) {
      try {
        convert(body.readableBytes(), exchange(), () -> send(head, body));
      } catch (RejectedExecutionException e) {
        body.release();
        fail(new ServingException(ErrorKind.SHUTTING_DOWN, "The server is shutting down."));
      }
    }

    private void send(ResponseHead head, ByteBuf body) {
      try {
        exchange().send(InferResponses.toResponse(form, body), HandlerMetadata.trailers(head));
      } finally {
        body.release();
      }
    }
  }
}
