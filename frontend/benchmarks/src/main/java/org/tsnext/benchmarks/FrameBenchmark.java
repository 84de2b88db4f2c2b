package org.tsnext.benchmarks;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.PooledByteBufAllocator;
import io.netty.buffer.Unpooled;
import io.netty.channel.embedded.EmbeddedChannel;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.tsnext.core.request.InferenceRequest;
import org.tsnext.worker.protocol.FrameDecoder;
import org.tsnext.worker.protocol.FrameEncoder;
import org.tsnext.worker.protocol.FrameLimits;
import org.tsnext.worker.protocol.MessageHandler;
import org.tsnext.worker.protocol.PredictBatch;
import org.tsnext.worker.protocol.WorkerMessage;

/** A batch to frames, and the frames of its responses to messages; without a socket. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
public class FrameBenchmark {

  private static final int MAX_SIZE = 6_553_500;
  private static final int RESPONSE = 17;

  @Param({"1", "8"})
  public int batchSize;

  private final List<ByteBuf> out = new ArrayList<>();
  private FrameEncoder encoder;
  private List<InferenceRequest> requests;
  private int[] timeLeftMillis;
  private EmbeddedChannel channel;
  private ByteBuf responses;

  /** Makes the requests of a batch, and the frames of its responses. */
  @Setup
  public void setUp() {
    FrameLimits limits = FrameLimits.of(MAX_SIZE, MAX_SIZE);
    encoder = new FrameEncoder(limits, PooledByteBufAllocator.DEFAULT);
    requests = Collections.nCopies(batchSize, Steps.request("m", Optional.empty()));
    timeLeftMillis = new int[batchSize];
    channel = new EmbeddedChannel(new FrameDecoder(limits), new MessageHandler(limits));
    responses = Unpooled.directBuffer();
    for (int item = 0; item < batchSize; item++) {
      writeResponse(item);
    }
  }

  @TearDown
  public void tearDown() {
    responses.release();
    channel.finishAndReleaseAll();
  }

  /** Each request with three headers and a body of 11 bytes. */
  @Benchmark
  public int encode() throws Exception {
    encoder.encode(new PredictBatch(1, requests, timeLeftMillis), out);
    int frames = out.size();
    for (int i = 0; i < frames; i++) {
      out.get(i).release();
    }
    out.clear();
    return frames;
  }

  /** Each response with one header and a body of 11 bytes, as one read of a socket. */
  @Benchmark
  public int decode() {
    channel.writeInbound(responses.retainedDuplicate());
    int messages = 0;
    for (Object next = channel.readInbound(); next != null; next = channel.readInbound()) {
      ((WorkerMessage.Response) next).body().release();
      messages++;
    }
    if (messages != batchSize) {
      throw new IllegalStateException(messages + " messages, expected " + batchSize);
    }
    return messages;
  }

  /** See docs/worker-protocol.md. */
  private void writeResponse(int item) {
    int start = responses.writerIndex();
    responses.writeInt(0).writeByte(RESPONSE).writeByte(0).writeShort(item).writeInt(1);
    responses.writeShort(200).writeByte(2).writeShort(0).writeShort(1);
    byte[] name = "content-type".getBytes(StandardCharsets.UTF_8);
    byte[] value = "application/json".getBytes(StandardCharsets.UTF_8);
    responses.writeShort(name.length).writeBytes(name).writeInt(value.length).writeBytes(value);
    responses.writeBytes("{\"data\": 1}".getBytes(StandardCharsets.UTF_8));
    responses.setInt(start, responses.writerIndex() - start - Integer.BYTES);
  }
}
