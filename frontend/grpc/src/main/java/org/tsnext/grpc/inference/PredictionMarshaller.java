package org.tsnext.grpc.inference;

import io.grpc.HasByteBuffer;
import io.grpc.MethodDescriptor.Marshaller;
import io.grpc.StatusRuntimeException;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import org.tsnext.core.error.ServingException;
import org.tsnext.grpc.call.UnreadableMessage;

/**
 * Reads requests. A message is put together from its frames once, in one buffer of its size, of
 * which the inputs are slices: the frames' buffers are the connection's and larger than what is
 * used of them.
 */
enum PredictionMarshaller implements Marshaller<Prediction> {
  INSTANCE;

  private static final int PIECE = 8 * 1024;

  @Override
  public Prediction parse(InputStream stream) {
    ByteBuf message = null;
    try {
      message = ByteBufAllocator.DEFAULT.buffer(Math.max(stream.available(), 1));
      readAll(stream, message);
      return PredictionReader.read(message);
    } catch (ServingException e) {
      return Prediction.faulty(e);
    } catch (StatusRuntimeException e) {
      return Prediction.faulty(UnreadableMessage.of(e));
    } catch (IOException e) {
      return Prediction.faulty(UnreadableMessage.of(e, "PredictionsRequest"));
    } finally {
      if (message != null) {
        message.release();
      }
    }
  }

  private static void readAll(InputStream stream, ByteBuf into) throws IOException {
    if (stream instanceof HasByteBuffer buffers && buffers.byteBufferSupported()) {
      for (ByteBuffer piece = buffers.getByteBuffer();
          piece != null && piece.hasRemaining();
          piece = buffers.getByteBuffer()) {
        int length = piece.remaining();
        into.writeBytes(piece);
        stream.skipNBytes(length);
      }
      return;
    }
    // A message that came compressed.
    for (int read = 0; read >= 0; read = into.writeBytes(stream, PIECE)) {
      // On to the next piece.
    }
  }

  @Override
  public InputStream stream(Prediction value) {
    throw new UnsupportedOperationException("a server sends no requests");
  }
}
