package org.tsnext.server.tracing;

import io.opentelemetry.api.common.AttributeKey;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanBuilder;
import io.opentelemetry.api.trace.SpanContext;
import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.api.trace.StatusCode;
import io.opentelemetry.api.trace.TraceFlags;
import io.opentelemetry.api.trace.TraceState;
import io.opentelemetry.api.trace.Tracer;
import io.opentelemetry.context.Context;
import io.opentelemetry.sdk.trace.IdGenerator;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.tsnext.core.tracing.FollowedBatch;
import org.tsnext.core.tracing.RequestTimeline;
import org.tsnext.core.tracing.RequestTrace.RequestEnd;
import org.tsnext.core.tracing.Tracing.IncomingRequest;
import org.tsnext.core.tracing.WorkerAttempt;

/**
 * Makes the spans of requests. Below the span of a request stands for each attempt a {@code queue}
 * and a {@code worker} with its {@code handler}; of the first followed request of a batch the
 * {@code worker} stands below the {@code batch}, which has links to all of them.
 */
final class SpanMaker {

  private static final AttributeKey<String> MODEL = AttributeKey.stringKey("torchserve.model.name");
  private static final AttributeKey<String> VERSION =
      AttributeKey.stringKey("torchserve.model.version");
  private static final AttributeKey<Long> WORKER = AttributeKey.longKey("torchserve.worker.id");
  private static final AttributeKey<Long> SIZE = AttributeKey.longKey("torchserve.batch.size");
  private static final AttributeKey<Long> ITEM = AttributeKey.longKey("torchserve.batch.item");
  private static final AttributeKey<String> ERROR = AttributeKey.stringKey("error.type");

  private final Tracer tracer;
  private final PresetIds ids;

  SpanMaker(Tracer tracer, PresetIds ids) {
    this.tracer = tracer;
    this.ids = ids;
  }

  /** Begins the span of a request. */
  Span request(IncomingRequest request, Context parent, long startEpochNanos) {
    SpanBuilder builder =
        tracer
            .spanBuilder(request.name())
            .setSpanKind(SpanKind.SERVER)
            .setParent(parent)
            .setStartTimestamp(startEpochNanos, TimeUnit.NANOSECONDS);
    request.attributes().forEach(builder::setAttribute);
    return builder.startSpan();
  }

  /** Ends the span of a request, now. */
  void end(Span request, RequestEnd end, long nowEpochNanos) {
    request.setAttribute(end.attribute(), end.status());
    if (end.failed()) {
      request.setStatus(StatusCode.ERROR);
      request.setAttribute(ERROR, end.error());
    }
    request.end(nowEpochNanos, TimeUnit.NANOSECONDS);
  }

  /** Makes everything that stands below the span of a request. */
  void below(OpenTelemetryTrace trace, RequestTimeline timeline) {
    TraceClock moments = trace.moments();
    for (WorkerAttempt attempt : timeline.attempts()) {
      if (trace.isSampled()) {
        attempt(trace, attempt, moments);
      }
      if (attempt.batch().ended()) {
        // It was the last of its batch.
        owner(attempt.batch()).ifPresent(first -> batch(first, moments, endOf(attempt, moments)));
      }
    }
  }

  private void attempt(OpenTelemetryTrace trace, WorkerAttempt attempt, TraceClock moments) {
    FollowedBatch batch = attempt.batch();
    long sent = moments.epoch(batch.facts().sentNanos());
    long ended = endOf(attempt, moments);
    boolean lost = attempt.end().map(WorkerAttempt.End::lost).orElse(false);
    Context ofRequest = Context.root().with(trace.request());
    model(tracer.spanBuilder("queue"), batch)
        .setParent(ofRequest)
        .setStartTimestamp(moments.epoch(attempt.queuedNanos()), TimeUnit.NANOSECONDS)
        .startSpan()
        .end(sent, TimeUnit.NANOSECONDS);
    WorkerAttempt owner = owner(batch).orElse(attempt);
    SpanContext ofBatch = batchContext(owner);
    SpanBuilder builder =
        model(tracer.spanBuilder("worker"), batch)
            .setAttribute(ITEM, (long) attempt.item())
            .setStartTimestamp(sent, TimeUnit.NANOSECONDS);
    if (owner == attempt) {
      builder.setParent(Context.root().with(Span.wrap(ofBatch)));
    } else {
      builder.setParent(ofRequest).addLink(ofBatch);
    }
    Span worker = builder.startSpan();
    if (lost) {
      worker.setStatus(StatusCode.ERROR, "The worker was lost.");
      worker.setAttribute(ERROR, "worker_lost");
    }
    attempt
        .handler()
        .ifPresent(time -> handler(attempt, Context.root().with(worker), time, sent, ended));
    worker.end(ended, TimeUnit.NANOSECONDS);
  }

  private static long endOf(WorkerAttempt attempt, TraceClock moments) {
    return attempt.end().map(end -> moments.epoch(end.nanos())).orElse(moments.now());
  }

  /** Its process has a clock of its own: it lies within what we know. */
  private void handler(
      WorkerAttempt attempt,
      Context worker,
      WorkerAttempt.HandlerTime time,
      long sent,
      long ended) {
    long began = Math.min(ended, Math.max(sent, time.beganEpochNanos()));
    long end = Math.min(ended, Math.max(began, time.endedEpochNanos()));
    ids.withSpanId(
            spanIdOf(attempt.handlerContext()),
            () ->
                model(tracer.spanBuilder("handler"), attempt.batch())
                    .setParent(worker)
                    .setStartTimestamp(began, TimeUnit.NANOSECONDS)
                    .startSpan())
        .end(end, TimeUnit.NANOSECONDS);
  }

  /** The span of a batch whose requests have all ended. */
  private void batch(WorkerAttempt owner, TraceClock moments, long ended) {
    FollowedBatch batch = owner.batch();
    SpanBuilder builder =
        model(tracer.spanBuilder("batch"), batch)
            .setParent(Context.root().with(traceOf(owner).request()))
            .setStartTimestamp(moments.epoch(batch.facts().sentNanos()), TimeUnit.NANOSECONDS);
    for (WorkerAttempt attempt : batch.attempts()) {
      builder.addLink(traceOf(attempt).request().getSpanContext());
    }
    ids.withSpanId(batch.spanId(SpanMaker::newId), builder::startSpan)
        .end(ended, TimeUnit.NANOSECONDS);
  }

  /** The span of a batch, which is made last: it belongs to the trace of its owner. */
  private static SpanContext batchContext(WorkerAttempt owner) {
    return SpanContext.create(
        traceOf(owner).traceId(),
        owner.batch().spanId(SpanMaker::newId),
        TraceFlags.getSampled(),
        TraceState.getDefault());
  }

  /** The first of a batch that is recorded, if any is: its trace has the span of the batch. */
  private static Optional<WorkerAttempt> owner(FollowedBatch batch) {
    return batch.attempts().stream().filter(attempt -> traceOf(attempt).isSampled()).findFirst();
  }

  /** Where traces are on, each request that is followed has one. */
  private static OpenTelemetryTrace traceOf(WorkerAttempt attempt) {
    return (OpenTelemetryTrace) attempt.timeline().trace().orElseThrow();
  }

  private static SpanBuilder model(SpanBuilder builder, FollowedBatch batch) {
    return builder
        .setAttribute(MODEL, batch.worker().modelName())
        .setAttribute(VERSION, batch.worker().modelVersion())
        .setAttribute(WORKER, (long) batch.worker().workerId())
        .setAttribute(SIZE, (long) batch.facts().size());
  }

  /** {@code 00-<32 digits>-<16 digits>-<2 digits>}. */
  private static String spanIdOf(String traceparent) {
    return traceparent.substring(36, 52);
  }

  private static String newId() {
    return IdGenerator.random().generateSpanId();
  }
}
