package org.tsnext.core.testing;

import io.netty.buffer.Unpooled;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.tsnext.core.inference.InferenceService;
import org.tsnext.core.request.Header;
import org.tsnext.core.request.InferenceRequest;
import org.tsnext.core.request.InputPart;
import org.tsnext.core.request.RequestKind;
import org.tsnext.core.request.ResponseHead;
import org.tsnext.core.request.ResponseSink;

/** The core's door for inference, answering as the test says; by default it echoes {@code ok}. */
public final class FakeInference implements InferenceService {

  /** What a request was, with its parts as text. */
  public record Seen(
      String id,
      String model,
      String version,
      RequestKind kind,
      List<Header> headers,
      List<Part> parts,
      Optional<Duration> timeout) {

    public String header(String name) {
      return headers.stream()
          .filter(header -> header.name().equals(name))
          .map(Header::value)
          .reduce((first, second) -> second)
          .orElse(null);
    }
  }

  public record Part(String name, String contentType, String value) {}

  /** Answers a request. */
  public interface Behaviour {
    void respond(Seen request, ResponseSink sink);
  }

  /** A request that waits for the test to answer it. */
  public record Waiting(Seen request, ResponseSink sink) {}

  public final BlockingQueue<Seen> seen = new LinkedBlockingQueue<>();
  public final BlockingQueue<Waiting> waiting = new LinkedBlockingQueue<>();
  public final AtomicInteger cancelled = new AtomicInteger();
  private volatile Behaviour behaviour = FakeInference::ok;

  public void respond(Behaviour newBehaviour) {
    behaviour = newBehaviour;
  }

  /** From now on the test answers, through {@link #waiting}. */
  public void hold() {
    behaviour = (request, sink) -> waiting.add(new Waiting(request, sink));
  }

  private static void ok(Seen request, ResponseSink sink) {
    sink.complete(text(), Unpooled.copiedBuffer("ok", StandardCharsets.UTF_8));
  }

  public static ResponseHead text() {
    return new ResponseHead(0, "", ResponseHead.BodyKind.TEXT, List.of());
  }

  /** Whether nothing was submitted that {@link #next} has not given. */
  public boolean isEmpty() {
    return seen.isEmpty();
  }

  public Seen next() throws InterruptedException {
    Seen next = seen.poll(60, TimeUnit.SECONDS);
    if (next == null) {
      throw new AssertionError("no request came within 60 s");
    }
    return next;
  }

  public Waiting nextWaiting() throws InterruptedException {
    Waiting next = waiting.poll(60, TimeUnit.SECONDS);
    if (next == null) {
      throw new AssertionError("no request came within 60 s");
    }
    return next;
  }

  @Override
  public InferenceCall submit(InferenceRequest request, ResponseSink sink) {
    Seen copy =
        new Seen(
            request.id(),
            request.modelName(),
            request.version().orElse(null),
            request.kind(),
            request.headers(),
            request.parts().stream().map(FakeInference::part).toList(),
            request.timeout());
    request.release();
    seen.add(copy);
    behaviour.respond(copy, sink);
    return cancelled::incrementAndGet;
  }

  private static Part part(InputPart part) {
    return new Part(
        part.name(), part.contentType(), part.value().toString(StandardCharsets.ISO_8859_1));
  }
}
