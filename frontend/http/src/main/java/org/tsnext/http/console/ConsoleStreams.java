package org.tsnext.http.console;

import com.google.gson.JsonObject;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.RejectedExecutionException;
import org.tsnext.api.OverviewJson;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.history.ModelSample;
import org.tsnext.core.time.Clock;
import org.tsnext.http.connection.Exchange;

/**
 * The streams of open consoles: a line of JSON for each sample, made once for all of them, which is
 * a sign of life as well. One that does not read is cut. Thread-safe.
 */
final class ConsoleStreams {

  /** Streams at once. */
  static final int MAX_STREAMS = 100;

  /** Bytes that may wait for one console. */
  static final int MAX_WAITING = 256 * 1024;

  /** After which a console asks again, by a token that may not be valid any more. */
  static final Duration LIFE = Duration.ofMinutes(10);

  private static final String TYPE = "application/x-ndjson";

  private final Clock clock;

  /** The streams, and when each ends. */
  private final Map<Exchange, Long> open = new ConcurrentHashMap<>();

  private volatile boolean ended;

  ConsoleStreams(Clock clock) {
    this.clock = clock;
  }

  /**
   * Begins a stream. On its event loop.
   *
   * @param start its first line
   * @param latest its second, if there is a sample
   */
  void open(Exchange exchange, JsonObject start, Optional<ModelSample> latest) {
    if (ended) {
      throw new ServingException(ErrorKind.SHUTTING_DOWN, "The server is shutting down.");
    }
    if (open.size() >= MAX_STREAMS) {
      throw new ServingException(
          ErrorKind.QUEUE_FULL,
          MAX_STREAMS + " consoles are open already, the most that there may be: close one.");
    }
    if (!exchange.beginStream(200, "", TYPE, List.of())) {
      return;
    }
    open.put(exchange, clock.nanoTime() + LIFE.toNanos());
    exchange.onClientGone(() -> open.remove(exchange));
    exchange.writeChunk(line(start), MAX_WAITING);
    latest.ifPresent(sample -> exchange.writeChunk(line(OverviewJson.sample(sample)), MAX_WAITING));
    if (ended) {
      end(exchange, "stopping");
    }
  }

  /** Tells every console. */
  void accept(ModelSample sample) {
    if (open.isEmpty()) {
      return;
    }
    byte[] line = bytes(OverviewJson.sample(sample));
    long now = clock.nanoTime();
    open.forEach(
        (exchange, end) ->
            onLoop(
                exchange,
                () -> {
                  exchange.writeChunk(Unpooled.wrappedBuffer(line), MAX_WAITING);
                  if (end - now <= 0) {
                    end(exchange, "renew");
                  }
                }));
  }

  /** Ends all of them, and begins no more. */
  void end() {
    ended = true;
    open.forEach(
        (exchange, end) ->
            onLoop(
                exchange,
                () -> {
                  exchange.closeAfterwards();
                  end(exchange, "stopping");
                }));
  }

  /** How many there are. */
  int count() {
    return open.size();
  }

  private void end(Exchange exchange, String reason) {
    JsonObject end = new JsonObject();
    end.addProperty("type", "end");
    end.addProperty("reason", reason);
    open.remove(exchange);
    exchange.writeChunk(line(end), MAX_WAITING);
    exchange.endStream();
  }

  private void onLoop(Exchange exchange, Runnable action) {
    try {
      exchange.loop().execute(action);
    } catch (RejectedExecutionException e) {
      open.remove(exchange);
    }
  }

  private static ByteBuf line(JsonObject json) {
    return Unpooled.wrappedBuffer(bytes(json));
  }

  private static byte[] bytes(JsonObject json) {
    return (json + "\n").getBytes(StandardCharsets.UTF_8);
  }
}
