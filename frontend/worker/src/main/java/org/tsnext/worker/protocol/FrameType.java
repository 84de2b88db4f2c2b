package org.tsnext.worker.protocol;

import java.util.Optional;

/** The types of docs/worker-protocol.md, with who sends them. */
public enum FrameType {
  HELLO(1, Sender.WORKER),
  LOAD(2, Sender.FRONTEND_TO_WORKER),
  LOADED(3, Sender.WORKER),
  FAILED(4, Sender.WORKER),
  PREDICT(16, Sender.FRONTEND_TO_WORKER),
  RESPONSE(17, Sender.WORKER),
  CHUNK(18, Sender.WORKER),
  ERROR(19, Sender.WORKER),
  CANCEL(20, Sender.FRONTEND_TO_WORKER),
  PING(21, Sender.FRONTEND_TO_WORKER),
  PONG(22, Sender.WORKER),
  METRIC(23, Sender.WORKER),
  UNUSABLE(24, Sender.WORKER),
  HANDLED(25, Sender.WORKER),
  WITHDRAW(26, Sender.FRONTEND_TO_WORKER),
  WITHDRAWN(27, Sender.WORKER),
  BEGUN(28, Sender.WORKER),
  SPAWN(32, Sender.FRONTEND_TO_INIT),
  SIGNAL(33, Sender.FRONTEND_TO_INIT),
  SHUTDOWN(34, Sender.FRONTEND_TO_INIT),
  READY(35, Sender.INIT),
  SPAWNED(36, Sender.INIT),
  EXITED(37, Sender.INIT),
  OUTPUT(38, Sender.INIT),
  ZYGOTE_EXITED(39, Sender.INIT),
  RELEASE(40, Sender.FRONTEND_TO_INIT),
  IMPORTED(41, Sender.FRONTEND_TO_INIT);

  /** One direction of one kind of connection. */
  public enum Sender {
    FRONTEND_TO_WORKER,
    WORKER,
    FRONTEND_TO_INIT,
    INIT
  }

  private static final FrameType[] BY_CODE = byCode();

  private final int code;
  private final Sender sender;

  FrameType(int code, Sender sender) {
    this.code = code;
    this.sender = sender;
  }

  public int code() {
    return code;
  }

  Sender sender() {
    return sender;
  }

  /** The flags that frames of this type may bear. */
  int allowedFlags() {
    int flags = Flags.MORE | Flags.CONTINUED;
    return switch (this) {
      case HELLO -> 0;
      case PREDICT -> flags | Flags.LAST_ITEM;
      case OUTPUT -> flags | Flags.STDERR;
      case CANCEL, PING, PONG, SHUTDOWN, RELEASE, HANDLED, WITHDRAW, WITHDRAWN, BEGUN -> 0;
      case LOAD,
          LOADED,
          FAILED,
          RESPONSE,
          CHUNK,
          ERROR,
          METRIC,
          UNUSABLE,
          SPAWN,
          SIGNAL,
          READY,
          SPAWNED,
          EXITED,
          ZYGOTE_EXITED,
          IMPORTED ->
          flags;
    };
  }

  /** The type with a code, if there is one. */
  public static Optional<FrameType> of(int code) {
    return code < BY_CODE.length ? Optional.ofNullable(BY_CODE[code]) : Optional.empty();
  }

  private static FrameType[] byCode() {
    FrameType[] types = new FrameType[IMPORTED.code + 1];
    for (FrameType type : values()) {
      types[type.code] = type;
    }
    return types;
  }

  /** The bits of a frame's flags. */
  public static final class Flags {
    public static final int MORE = 0x01;
    public static final int CONTINUED = 0x02;
    public static final int LAST_ITEM = 0x04;
    public static final int STDERR = 0x08;

    private Flags() {}
  }
}
