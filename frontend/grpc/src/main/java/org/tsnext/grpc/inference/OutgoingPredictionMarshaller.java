package org.tsnext.grpc.inference;

import com.google.protobuf.ByteString;
import com.google.protobuf.CodedOutputStream;
import io.grpc.Drainable;
import io.grpc.KnownLength;
import io.grpc.MethodDescriptor.Marshaller;
import io.netty.buffer.ByteBuf;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;

/** Writes answers: bytes go from the worker's buffer into the connection's, once. */
enum OutgoingPredictionMarshaller implements Marshaller<OutgoingPrediction> {
  INSTANCE;

  private static final int PREDICTION = 1;
  private static final int SEQUENCE_ID = 2;
  private static final int STATUS = 3;

  @Override
  public InputStream stream(OutgoingPrediction response) {
    return new Encoded(response.prediction(), head(response.prediction()), tail(response));
  }

  @Override
  public OutgoingPrediction parse(InputStream stream) {
    throw new UnsupportedOperationException("a server reads no responses");
  }

  /** Tag and length of the prediction, which is left out where it is empty. */
  private static byte[] head(ByteBuf prediction) {
    int length = prediction.readableBytes();
    if (length == 0) {
      return new byte[0];
    }
    byte[] head =
        new byte
            [CodedOutputStream.computeTagSize(PREDICTION)
                + CodedOutputStream.computeUInt32SizeNoTag(length)];
    try {
      CodedOutputStream out = CodedOutputStream.newInstance(head);
      out.writeTag(PREDICTION, WireReader.LENGTH);
      out.writeUInt32NoTag(length);
      return head;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static byte[] tail(OutgoingPrediction response) {
    if (response.sequenceId().isEmpty() && response.status().isEmpty()) {
      return new byte[0];
    }
    ByteString.Output tail = ByteString.newOutput();
    try {
      CodedOutputStream out = CodedOutputStream.newInstance(tail);
      if (response.sequenceId().isPresent()) {
        out.writeString(SEQUENCE_ID, response.sequenceId().get());
      }
      if (response.status().isPresent()) {
        out.writeMessage(STATUS, response.status().get());
      }
      out.flush();
      return tail.toByteString().toByteArray();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The message, for gRPC to drain; its buffer stays the answer's. */
  private static final class Encoded extends InputStream implements KnownLength, Drainable {
    private final ByteBuf prediction;
    private final byte[] head;
    private final byte[] tail;

    Encoded(ByteBuf prediction, byte[] head, byte[] tail) {
      this.prediction = prediction;
      this.head = head;
      this.tail = tail;
    }

    @Override
    public int available() {
      return head.length + prediction.readableBytes() + tail.length;
    }

    @Override
    public int drainTo(OutputStream target) throws IOException {
      target.write(head);
      prediction.getBytes(prediction.readerIndex(), target, prediction.readableBytes());
      target.write(tail);
      return available();
    }

    @Override
    public int read() {
      throw new UnsupportedOperationException("messages are drained");
    }

    @Override
    public int read(byte[] target, int offset, int length) {
      throw new UnsupportedOperationException("messages are drained");
    }
  }
}
