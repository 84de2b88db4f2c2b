package org.tsnext.worker.protocol;

import io.netty.buffer.ByteBuf;
import java.time.Duration;
import java.util.Optional;
import org.tsnext.core.worker.WorkerListener.ExitStatus;

/** What {@code init} says, except for output. {@code worker} is an unsigned 32-bit number. */
public sealed interface InitMessage {

  record Ready(PythonRuntime python) implements InitMessage {}

  /**
   * A process exists.
   *
   * @param plainFork why it imports for itself what others share; empty if it does not
   */
  record Spawned(int spawnId, long pid, Optional<String> plainFork) implements InitMessage {}

  record Exited(int spawnId, ExitStatus status) implements InitMessage {}

  record ZygoteExited(ExitStatus status) implements InitMessage {}

  /**
   * Decodes a message that is not OUTPUT. Its body stays the caller's.
   *
   * @throws ProtocolException if it is not what the protocol says
   */
  static InitMessage decode(Message message) throws ProtocolException {
    FrameType type = message.type();
    ByteBuf body = message.body();
    return switch (type) {
      case READY -> {
        JsonBody json = JsonBody.parse(type, body);
        yield new Ready(
            new PythonRuntime(
                json.text("python"),
                json.optionalText("torch"),
                json.flag("fork"),
                Duration.ofMillis(json.number("import_ms"))));
      }
      case SPAWNED -> {
        JsonBody json = JsonBody.parse(type, body);
        yield new Spawned(message.id(), json.number("pid"), json.optionalText("plain_fork"));
      }
      case EXITED -> {
        JsonBody json = JsonBody.parse(type, body);
        yield new Exited(message.id(), exitStatus(json));
      }
      case ZYGOTE_EXITED -> new ZygoteExited(exitStatus(JsonBody.parse(type, body)));
      case HELLO,
          LOAD,
          LOADED,
          FAILED,
          PREDICT,
          RESPONSE,
          CHUNK,
          ERROR,
          CANCEL,
          WITHDRAW,
          WITHDRAWN,
          BEGUN,
          PING,
          PONG,
          METRIC,
          UNUSABLE,
          HANDLED,
          SPAWN,
          SIGNAL,
          SHUTDOWN,
          RELEASE,
          IMPORTED,
          OUTPUT ->
          throw new ProtocolException(type + " is not a message about processes");
    };
  }

  private static ExitStatus exitStatus(JsonBody json) throws ProtocolException {
    Optional<String> error = json.optionalText("error");
    return new ExitStatus(
        (int) json.optionalNumber("code").orElse(-1),
        (int) json.optionalNumber("signal").orElse(0),
        error.orElse(""));
  }
}
