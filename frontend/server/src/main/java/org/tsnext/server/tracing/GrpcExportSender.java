package org.tsnext.server.tracing;

import io.grpc.CallOptions;
import io.grpc.ClientCall;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import io.opentelemetry.sdk.common.CompletableResultCode;
import io.opentelemetry.sdk.common.export.Compressor;
import io.opentelemetry.sdk.common.export.GrpcResponse;
import io.opentelemetry.sdk.common.export.GrpcSender;
import io.opentelemetry.sdk.common.export.GrpcSenderConfig;
import io.opentelemetry.sdk.common.export.GrpcStatusCode;
import io.opentelemetry.sdk.common.export.MessageWriter;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.Supplier;

/** Sends exports as unary calls of a channel of its own. Any thread; does not block. */
final class GrpcExportSender implements GrpcSender {

  private static final MethodDescriptor.Marshaller<byte[]> BYTES = new BytesMarshaller();

  private final ManagedChannel channel;
  private final MethodDescriptor<byte[], byte[]> method;
  private final CallOptions options;
  private final Duration timeout;
  private final Supplier<Map<String, List<String>>> headers;

  /**
   * @param channel closed by {@link #shutdown()}
   */
  GrpcExportSender(ManagedChannel channel, GrpcSenderConfig config) {
    this.channel = channel;
    this.method =
        MethodDescriptor.newBuilder(BYTES, BYTES)
            .setType(MethodDescriptor.MethodType.UNARY)
            .setFullMethodName(config.getFullMethodName())
            .build();
    Compressor compressor = config.getCompressor();
    this.options =
        compressor == null
            ? CallOptions.DEFAULT
            : CallOptions.DEFAULT.withCompression(compressor.getEncoding());
    this.timeout = config.getTimeout();
    this.headers = config.getHeadersSupplier();
  }

  @Override
  public void send(
      MessageWriter message, Consumer<GrpcResponse> onResponse, Consumer<Throwable> onError) {
    try {
      // Now: what writes it may be used for the next export once this one has its end.
      byte[] body = bytes(message);
      CallOptions limited =
          timeout.isZero()
              ? options
              : options.withDeadlineAfter(timeout.toNanos(), TimeUnit.NANOSECONDS);
      ClientCall<byte[], byte[]> call = channel.newCall(method, limited);
      call.start(new Answer(onResponse, onError), metadata());
      call.request(1);
      call.sendMessage(body);
      call.halfClose();
    } catch (IOException | RuntimeException e) {
      // Such as a header with a name that gRPC does not have.
      onError.accept(e);
    }
  }

  @Override
  public CompletableResultCode shutdown() {
    channel.shutdownNow();
    return CompletableResultCode.ofSuccess();
  }

  private Metadata metadata() {
    Metadata metadata = new Metadata();
    Map<String, List<String>> given = headers.get();
    if (given != null) {
      given.forEach(
          (name, values) -> {
            Metadata.Key<String> key = Metadata.Key.of(name, Metadata.ASCII_STRING_MARSHALLER);
            values.forEach(value -> metadata.put(key, value));
          });
    }
    return metadata;
  }

  private static byte[] bytes(MessageWriter message) throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream(Math.max(32, message.getContentLength()));
    message.writeMessage(out);
    return out.toByteArray();
  }

  /** Tells the SDK the end of one call. */
  private static final class Answer extends ClientCall.Listener<byte[]> {
    private final Consumer<GrpcResponse> onResponse;
    private final Consumer<Throwable> onError;
    private Optional<byte[]> message = Optional.empty();

    Answer(Consumer<GrpcResponse> onResponse, Consumer<Throwable> onError) {
      this.onResponse = onResponse;
      this.onError = onError;
    }

    @Override
    public void onMessage(byte[] received) {
      message = Optional.of(received);
    }

    @Override
    public void onClose(Status status, Metadata trailers) {
      if (status.getCause() != null) {
        onError.accept(status.getCause());
      } else {
        onResponse.accept(
            new Response(
                GrpcStatusCode.fromValue(status.getCode().value()),
                Objects.requireNonNullElse(status.getDescription(), ""),
                message.orElse(new byte[0])));
      }
    }
  }

  private static final class Response implements GrpcResponse {
    private final GrpcStatusCode code;
    private final String description;
    private final byte[] message;

    Response(GrpcStatusCode code, String description, byte[] message) {
      this.code = code;
      this.description = description;
      this.message = message;
    }

    @Override
    public GrpcStatusCode getStatusCode() {
      return code;
    }

    @Override
    public String getStatusDescription() {
      return description;
    }

    @Override
    public byte[] getResponseMessage() {
      return message;
    }
  }

  private static final class BytesMarshaller implements MethodDescriptor.Marshaller<byte[]> {
    @Override
    public InputStream stream(byte[] value) {
      return new ByteArrayInputStream(value);
    }

    @Override
    public byte[] parse(InputStream stream) {
      try {
        return stream.readAllBytes();
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }
}
