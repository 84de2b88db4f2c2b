package org.tsnext.worker.protocol;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import java.util.List;
import java.util.Locale;
import org.tsnext.core.metrics.MetricSample;
import org.tsnext.core.request.Header;
import org.tsnext.core.request.ResponseHead;
import org.tsnext.core.worker.WorkerListener.ExitStatus;
import org.tsnext.core.worker.WorkerListener.HandlerError;
import org.tsnext.core.worker.WorkerListener.LoadFailure;

/** Shows decoded messages as test/frames does. */
final class MessageText {

  private MessageText() {}

  /** Releases the body of an answer. */
  static JsonObject of(WorkerMessage message) {
    JsonObject json = new JsonObject();
    if (message instanceof WorkerMessage.Response response) {
      start(json, response.last() ? "RESPONSE" : "CHUNK", response.item(), response.batch());
      ResponseHead head = response.head();
      json.addProperty("status", head.status());
      json.addProperty("body_kind", lower(head.bodyKind()));
      json.addProperty("reason", head.reason());
      json.add("headers", pairs(head.headers()));
      json.addProperty("body_hex", hex(response.body()));
      response.body().release();
    } else if (message instanceof WorkerMessage.ItemError error) {
      start(json, "ERROR", error.item(), error.batch());
      HandlerError what = error.error();
      json.addProperty("code", what.code());
      json.addProperty("message", what.message());
      json.addProperty("detail", what.detail());
      json.addProperty("traceback", what.traceback());
      json.add("headers", pairs(what.headers()));
    } else if (message instanceof WorkerMessage.Metric metric) {
      start(json, "METRIC", 0, 0);
      MetricSample sample = metric.sample();
      json.addProperty("metric", lower(sample.type()));
      json.addProperty("name", sample.name());
      json.addProperty("unit", sample.unit());
      json.addProperty("value", sample.value());
      json.addProperty("time_ms", sample.time().toEpochMilli());
      json.addProperty("request_ids", sample.requestIds());
      json.add("dimensions", pairs(sample.dimensions()));
    } else if (message instanceof WorkerMessage.Handled handled) {
      start(json, "HANDLED", handled.item(), handled.batch());
      json.addProperty("began_ns", handled.time().beganEpochNanos());
      json.addProperty("ended_ns", handled.time().endedEpochNanos());
    } else if (message instanceof WorkerMessage.Pong pong) {
      start(json, "PONG", 0, pong.token());
    } else if (message instanceof WorkerMessage.Withdrawal withdrawal) {
      start(json, withdrawal.given() ? "WITHDRAWN" : "BEGUN", -1, withdrawal.batch());
    } else {
      cold(json, message);
    }
    return json;
  }

  static JsonObject of(InitMessage message) {
    JsonObject json = new JsonObject();
    JsonObject body = new JsonObject();
    if (message instanceof InitMessage.Ready ready) {
      start(json, "READY", 0, 0);
      body.addProperty("python", ready.python().python());
      ready.python().torch().ifPresent(torch -> body.addProperty("torch", torch));
      body.addProperty("fork", ready.python().fork());
      body.addProperty("import_ms", ready.python().importTook().toMillis());
    } else if (message instanceof InitMessage.Spawned spawned) {
      start(json, "SPAWNED", 0, spawned.spawnId());
      body.addProperty("pid", spawned.pid());
      spawned.plainFork().ifPresent(reason -> body.addProperty("plain_fork", reason));
    } else if (message instanceof InitMessage.Exited exited) {
      start(json, "EXITED", 0, exited.spawnId());
      exit(body, exited.status());
    } else if (message instanceof InitMessage.ZygoteExited exited) {
      start(json, "ZYGOTE_EXITED", 0, 0);
      exit(body, exited.status());
    }
    json.add("json", body);
    return json;
  }

  static void start(JsonObject json, String type, int item, int id) {
    json.addProperty("type", type);
    json.addProperty("item", item);
    json.addProperty("id", Integer.toUnsignedLong(id));
  }

  static String hex(ByteBuf buffer) {
    return ByteBufUtil.hexDump(buffer);
  }

  private static void cold(JsonObject json, WorkerMessage message) {
    JsonObject body = new JsonObject();
    if (message instanceof WorkerMessage.Hello hello) {
      start(json, "HELLO", 0, 0);
      body.addProperty("protocol", hello.protocol());
      body.addProperty("launch", Integer.toUnsignedLong(hello.spawnId()));
      body.addProperty("secret", hello.secret());
      body.addProperty("pid", hello.pid());
      body.addProperty("python", hello.python());
      hello.torch().ifPresent(torch -> body.addProperty("torch", torch));
      if (hello.control()) {
        body.addProperty("control", true);
      }
    } else if (message instanceof WorkerMessage.Loaded loaded) {
      start(json, "LOADED", 0, 0);
      body.addProperty("message", loaded.message());
      body.addProperty("load_ms", loaded.took().toMillis());
      if (!loaded.imported().isEmpty()) {
        JsonArray imported = new JsonArray();
        loaded.imported().forEach(imported::add);
        body.add("imported", imported);
      }
    } else if (message instanceof WorkerMessage.Unusable unusable) {
      start(json, "UNUSABLE", 0, 0);
      body.addProperty("reason", unusable.reason());
    } else if (message instanceof WorkerMessage.Failed failed) {
      start(json, "FAILED", 0, 0);
      LoadFailure failure = failed.failure();
      body.addProperty("code", failure.code());
      body.addProperty("message", failure.message());
      body.addProperty("detail", failure.detail());
      body.addProperty("traceback", failure.traceback());
    }
    json.add("json", body);
  }

  private static void exit(JsonObject body, ExitStatus status) {
    if (status.code() >= 0) {
      body.addProperty("code", status.code());
    }
    if (status.signal() > 0) {
      body.addProperty("signal", status.signal());
    }
    if (!status.reason().isEmpty()) {
      body.addProperty("error", status.reason());
    }
  }

  private static JsonArray pairs(List<Header> headers) {
    JsonArray all = new JsonArray();
    for (Header header : headers) {
      JsonArray pair = new JsonArray();
      pair.add(header.name());
      pair.add(header.value());
      all.add(pair);
    }
    return all;
  }

  private static String lower(Enum<?> constant) {
    return constant.name().toLowerCase(Locale.ROOT);
  }
}
