package org.tsnext.core.testing;

import io.netty.buffer.ByteBuf;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.request.ResponseHead;
import org.tsnext.core.request.ResponseSink;

/** Remembers what it was given, counts its ends, and releases every buffer. */
public final class RecordingSink implements ResponseSink {

  private final List<String> chunks = new ArrayList<>();
  private Optional<String> body = Optional.empty();
  private Optional<ResponseHead> head = Optional.empty();
  private Optional<ServingException> error = Optional.empty();
  private int ends;

  @Override
  public synchronized void complete(ResponseHead head, ByteBuf body) {
    this.head = Optional.of(head);
    this.body = Optional.of(take(body));
    ends++;
  }

  @Override
  public synchronized void chunk(ResponseHead head, ByteBuf body) {
    if (chunks.isEmpty()) {
      this.head = Optional.of(head);
    }
    chunks.add(take(body));
  }

  @Override
  public synchronized void end(ByteBuf body) {
    chunks.add(take(body));
    ends++;
  }

  @Override
  public synchronized void fail(ServingException error) {
    this.error = Optional.of(error);
    ends++;
  }

  /** How often the request has ended; more than one is a fault of the core. */
  public synchronized int ends() {
    return ends;
  }

  /** The body of a plain answer. */
  public synchronized Optional<String> body() {
    return body;
  }

  public synchronized Optional<ResponseHead> head() {
    return head;
  }

  /** The chunks of a stream, the last one included. */
  public synchronized List<String> chunks() {
    return List.copyOf(chunks);
  }

  public synchronized Optional<ServingException> error() {
    return error;
  }

  public synchronized Optional<ErrorKind> errorKind() {
    return error.map(ServingException::kind);
  }

  private static String take(ByteBuf body) {
    String text = body.toString(StandardCharsets.UTF_8);
    body.release();
    return text;
  }
}
