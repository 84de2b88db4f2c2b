package org.tsnext.http;

import io.netty.channel.EventLoopGroup;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import org.tsnext.core.inference.InferenceService;
import org.tsnext.core.model.ModelService;
import org.tsnext.core.time.Clock;
import org.tsnext.transport.Transport;

/** The HTTP listeners of a server. The event loops stay the caller's to end. */
public final class HttpServer implements AutoCloseable {

  private final HttpSettings settings;
  private final Transport transport;
  private final EventLoopGroup loops;

  public HttpServer(
      HttpSettings settings,
      InferenceService inference,
      ModelService models,
      Transport transport,
      EventLoopGroup loops,
      Clock clock) {
    this.settings = Objects.requireNonNull(settings, "settings");
    this.transport = Objects.requireNonNull(transport, "transport");
    this.loops = Objects.requireNonNull(loops, "loops");
    Objects.requireNonNull(inference, "inference");
    Objects.requireNonNull(models, "models");
    Objects.requireNonNull(clock, "clock");
  }

  /**
   * Opens the listeners. If one fails, none stays open.
   *
   * @throws IOException naming the address and its configuration key
   */
  public List<BoundListener> bind() throws IOException {
    if (loops.isShuttingDown()) {
      throw new IOException(settings + " on " + transport.name() + ": the event loops have ended");
    }
    return List.of();
  }

  /** Takes no new connections. Open ones go on. */
  public void stopAccepting() {}

  /**
   * Takes no new connections, lets requests in flight be answered for at most {@code limit}, then
   * closes every connection. Blocks.
   */
  public void close(Duration limit) {
    stopAccepting();
  }

  /** As {@link #close(Duration)} without any patience. */
  @Override
  public void close() {
    close(Duration.ZERO);
  }
}
