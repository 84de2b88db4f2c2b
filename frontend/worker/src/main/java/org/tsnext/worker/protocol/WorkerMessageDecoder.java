package org.tsnext.worker.protocol;

import io.netty.buffer.ByteBuf;
import java.time.Duration;
import java.time.Instant;
import java.util.HashSet;
import java.util.List;
import org.tsnext.archive.ModelConfig;
import org.tsnext.core.metrics.MetricSample;
import org.tsnext.core.metrics.MetricType;
import org.tsnext.core.request.ResponseHead;
import org.tsnext.core.request.ResponseHead.BodyKind;
import org.tsnext.core.tracing.WorkerAttempt.HandlerTime;
import org.tsnext.core.worker.WorkerListener.HandlerError;
import org.tsnext.core.worker.WorkerListener.LoadFailure;
import org.tsnext.worker.protocol.WorkerMessage.Failed;
import org.tsnext.worker.protocol.WorkerMessage.Handled;
import org.tsnext.worker.protocol.WorkerMessage.Hello;
import org.tsnext.worker.protocol.WorkerMessage.ItemError;
import org.tsnext.worker.protocol.WorkerMessage.Loaded;
import org.tsnext.worker.protocol.WorkerMessage.Metric;
import org.tsnext.worker.protocol.WorkerMessage.Pong;
import org.tsnext.worker.protocol.WorkerMessage.Response;
import org.tsnext.worker.protocol.WorkerMessage.Unusable;
import org.tsnext.worker.protocol.WorkerMessage.Withdrawal;

/** Reads the bodies of the messages that workers send. */
final class WorkerMessageDecoder {

  /** By their number on the wire. */
  private static final List<BodyKind> BODY_KINDS =
      List.of(BodyKind.BYTES, BodyKind.TEXT, BodyKind.JSON, BodyKind.TENSOR, BodyKind.NONE);

  private static final List<MetricType> METRIC_TYPES =
      List.of(MetricType.COUNTER, MetricType.GAUGE, MetricType.HISTOGRAM);

  private WorkerMessageDecoder() {}

  /** Decodes a message, whose body is taken over: it is released, or given on in an answer. */
  static WorkerMessage decode(Message message) throws ProtocolException {
    ByteBuf body = message.body();
    boolean kept = false;
    try {
      WorkerMessage decoded = decodeBody(message);
      kept = decoded instanceof Response;
      return decoded;
    } finally {
      if (!kept) {
        body.release();
      }
    }
  }

  private static WorkerMessage decodeBody(Message message) throws ProtocolException {
    return switch (message.type()) {
      case HELLO -> hello(JsonBody.parse(message.type(), message.body()));
      case LOADED -> loaded(JsonBody.parse(message.type(), message.body()));
      case FAILED -> failed(JsonBody.parse(message.type(), message.body()));
      case RESPONSE, CHUNK -> response(message);
      case ERROR -> error(message);
      case METRIC -> metric(message);
      case HANDLED -> handled(message);
      case PONG -> new Pong(message.id());
      case WITHDRAWN -> new Withdrawal(message.id(), true);
      case BEGUN -> new Withdrawal(message.id(), false);
      case UNUSABLE -> new Unusable(JsonBody.parse(message.type(), message.body()).text("reason"));
      case LOAD,
          PREDICT,
          CANCEL,
          WITHDRAW,
          PING,
          SPAWN,
          SIGNAL,
          SHUTDOWN,
          RELEASE,
          IMPORTED,
          READY,
          SPAWNED,
          EXITED,
          OUTPUT,
          ZYGOTE_EXITED ->
          throw new ProtocolException(message.type() + " does not come from a worker");
    };
  }

  private static Hello hello(JsonBody json) throws ProtocolException {
    long protocol = json.number("protocol");
    if (protocol != 1) {
      throw new ProtocolException("protocol " + protocol + ", expected 1");
    }
    long spawnId = json.number("launch");
    if (spawnId < 0 || spawnId > 0xFFFF_FFFFL) {
      throw new ProtocolException("launch " + spawnId + ", expected an unsigned 32-bit number");
    }
    return new Hello(
        protocol,
        (int) spawnId,
        json.text("secret"),
        json.number("pid"),
        json.text("python"),
        json.optionalText("torch"),
        json.optionalFlag("control"));
  }

  private static Loaded loaded(JsonBody json) throws ProtocolException {
    long millis = json.number("load_ms");
    return new Loaded(
        json.text("message"),
        Duration.ofMillis(Math.max(0, millis)),
        json.texts("imported"),
        json.numbers("rank_pids", ModelConfig.MAX_RANKS),
        new HashSet<>(json.texts("openai_routes")));
  }

  private static Failed failed(JsonBody json) throws ProtocolException {
    return new Failed(
        new LoadFailure(
            (int) json.number("code"),
            json.text("message"),
            json.text("detail"),
            json.text("traceback")));
  }

  private static Response response(Message message) throws ProtocolException {
    BodyReader reader = new BodyReader(message.type(), message.body());
    int item = checkItem(message);
    int status = reader.u16("status");
    int kind = reader.u8("body kind");
    if (kind >= BODY_KINDS.size()) {
      throw new ProtocolException("body kind " + kind + ", expected 0 to 4");
    }
    ResponseHead head =
        new ResponseHead(status, reader.str16("reason"), BODY_KINDS.get(kind), reader.headers());
    boolean last = message.type() == FrameType.RESPONSE;
    // The reader stands where the answer's body begins.
    return new Response(message.id(), item, last, head, message.body());
  }

  private static ItemError error(Message message) throws ProtocolException {
    BodyReader reader = new BodyReader(message.type(), message.body());
    int item = message.item() == FrameLimits.EVERY_ITEM ? -1 : checkItem(message);
    HandlerError error =
        new HandlerError(
            reader.u16("code"),
            reader.str16("message"),
            reader.str32("detail"),
            reader.str32("traceback"),
            reader.headers());
    reader.end();
    return new ItemError(message.id(), item, error);
  }

  private static Handled handled(Message message) throws ProtocolException {
    BodyReader reader = new BodyReader(message.type(), message.body());
    int item = message.item() == FrameLimits.EVERY_ITEM ? -1 : checkItem(message);
    HandlerTime time = new HandlerTime(reader.u64("began"), reader.u64("ended"));
    reader.end();
    return new Handled(message.id(), item, time);
  }

  private static Metric metric(Message message) throws ProtocolException {
    BodyReader reader = new BodyReader(message.type(), message.body());
    int type = reader.u8("type");
    if (type >= METRIC_TYPES.size()) {
      throw new ProtocolException("metric type " + type + ", expected 0 to 2");
    }
    String name = reader.str16("name");
    String unit = reader.str16("unit");
    double value = reader.f64("value");
    Instant time = Instant.ofEpochMilli(reader.u64("time"));
    String requestIds = reader.str16("request ids");
    MetricSample sample =
        new MetricSample(
            METRIC_TYPES.get(type), name, unit, value, time, requestIds, reader.dimensions());
    reader.end();
    return new Metric(sample);
  }

  private static int checkItem(Message message) throws ProtocolException {
    if (message.item() >= FrameLimits.MAX_ITEMS) {
      throw new ProtocolException(
          "item %d of %s, expected less than %d"
              .formatted(message.item(), message.type(), FrameLimits.MAX_ITEMS));
    }
    return message.item();
  }
}
