package org.tsnext.grpc.call;

import com.google.protobuf.ByteString;
import com.google.protobuf.CodedInputStream;
import com.google.protobuf.DiscardUnknownFieldsParser;
import com.google.protobuf.Message;
import com.google.protobuf.Parser;
import com.google.protobuf.UnsafeByteOperations;
import io.grpc.MethodDescriptor.Marshaller;
import io.grpc.StatusRuntimeException;
import java.io.IOException;
import java.io.InputStream;
import java.util.Optional;
import org.tsnext.core.error.ServingException;

/**
 * Reads requests. What is none becomes a fault rather than an exception, which gRPC would tell the
 * client as UNKNOWN. Fields that the message does not have are dropped: to keep them takes many
 * times their bytes.
 *
 * @param <Q> the message
 */
public final class MessageMarshaller<Q extends Message>
    implements Marshaller<MessageMarshaller.Read<Q>> {

  /**
   * What was read.
   *
   * @param message null if there is a fault
   */
  public record Read<Q>(Q message, Optional<ServingException> fault) {

    /**
     * The message.
     *
     * @throws ServingException the fault, if there is one
     */
    public Q required() {
      fault.ifPresent(
          error -> {
            throw error;
          });
      return message;
    }
  }

  private final String name;
  private final Parser<Q> parser;
  private final MessageGuard guard;

  /**
   * Reads messages of one kind.
   *
   * @param instance any of the message
   * @param guard looks at the bytes before they are read
   */
  @SuppressWarnings("unchecked") // the parser is that of the instance
  public MessageMarshaller(Q instance, MessageGuard guard) {
    this.name = instance.getDescriptorForType().getName();
    this.parser = (Parser<Q>) DiscardUnknownFieldsParser.wrap(instance.getParserForType());
    this.guard = guard;
  }

  @Override
  public Read<Q> parse(InputStream stream) {
    try {
      return new Read<>(read(bytes(stream)), Optional.empty());
    } catch (ServingException e) {
      return fault(e);
    } catch (StatusRuntimeException e) {
      return fault(UnreadableMessage.of(e));
    } catch (IOException e) {
      return fault(UnreadableMessage.of(e, name));
    }
  }

  private Read<Q> fault(ServingException error) {
    return new Read<>(null, Optional.of(error));
  }

  private Q read(ByteString bytes) throws IOException {
    guard.check(bytes);
    CodedInputStream input = bytes.newCodedInput();
    // Fields of bytes are parts of what was read, not copies.
    input.enableAliasing(true);
    Q message = parser.parseFrom(input);
    input.checkLastTagWas(0);
    return message;
  }

  private static ByteString bytes(InputStream stream) throws IOException {
    byte[] bytes = new byte[stream.available()];
    int length = stream.readNBytes(bytes, 0, bytes.length);
    ByteString start = UnsafeByteOperations.unsafeWrap(bytes, 0, length);
    // A message that came compressed does not say how long it is.
    return start.concat(UnsafeByteOperations.unsafeWrap(stream.readAllBytes()));
  }

  @Override
  public InputStream stream(Read<Q> value) {
    throw new UnsupportedOperationException("a server sends no requests");
  }
}
