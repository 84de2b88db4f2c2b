package org.tsnext.worker.protocol;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertThrows;
import static org.testng.Assert.assertTrue;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.buffer.UnpooledByteBufAllocator;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import org.testng.annotations.Test;
import org.tsnext.core.request.Header;
import org.tsnext.core.request.InferenceRequest;
import org.tsnext.core.request.InputPart;
import org.tsnext.core.request.Protocol;
import org.tsnext.core.request.RequestKind;

public class FrameEncoderTest {

  private static final int MAX_REQUEST = 3_000_000;

  private final UnpooledByteBufAllocator allocator = new UnpooledByteBufAllocator(true);
  private final FrameEncoder encoder =
      new FrameEncoder(FrameLimits.of(MAX_REQUEST, MAX_REQUEST), allocator);
  private final List<ByteBuf> out = new ArrayList<>();

  @Test
  public void smallBodiesTravelInOneBufferWithTheirFields() throws Exception {
    ByteBuf value = Unpooled.directBuffer().writeBytes(new byte[1024]);
    encoder.encode(batchOf(request(List.of(), value)), out);
    assertEquals(out.size(), 1);
    assertEquals(value.refCnt(), 0);
    releaseOut();
  }

  @Test
  public void largeBodiesAreSharedNotCopied() throws Exception {
    ByteBuf value = Unpooled.directBuffer().writeBytes(new byte[1025]);
    PredictBatch batch = batchOf(request(List.of(), value));
    assertEquals(value.refCnt(), 1, "the request is released, the batch still holds its value");
    encoder.encode(batch, out);
    assertEquals(out.size(), 2);
    assertEquals(out.get(1).memoryAddress(), value.memoryAddress());
    releaseOut();
    assertEquals(value.refCnt(), 0);
  }

  @Test
  public void aLongBodyIsCutAtTheFrameLimitAndTotalsMatch() throws Exception {
    ByteBuf value = Unpooled.buffer().writeZero(2_000_000);
    encoder.encode(batchOf(request(List.of(), value)), out);
    ByteBuf wire = Unpooled.wrappedBuffer(out.toArray(ByteBuf[]::new));
    int frames = 0;
    long bytes = 0;
    long total = 0;
    while (wire.isReadable()) {
      int length = wire.readInt();
      assertTrue(length <= FrameLimits.DEFAULT_FRAME);
      wire.skipBytes(FrameLimits.COUNTED_HEADER);
      bytes += length - FrameLimits.COUNTED_HEADER;
      if (frames == 0) {
        total = wire.getUnsignedInt(wire.readerIndex());
        bytes -= FrameLimits.TOTAL;
      }
      wire.skipBytes(length - FrameLimits.COUNTED_HEADER);
      frames++;
    }
    wire.release();
    out.clear();
    assertEquals(bytes, total);
    assertEquals(frames, 4);
    assertEquals(value.refCnt(), 0);
  }

  @Test
  public void anItemOverTheLimitLeavesNothingBehind() {
    ByteBuf small = Unpooled.buffer().writeZero(10);
    ByteBuf large = Unpooled.buffer().writeZero(MAX_REQUEST + 2_000_000);
    PredictBatch batch = batchOf(request(List.of(), small), request(List.of(), large));
    assertThrows(ProtocolException.class, () -> encoder.encode(batch, out));
    assertTrue(out.isEmpty());
    assertEquals(small.refCnt() + large.refCnt(), 0);
  }

  @Test
  public void countsAndNamesOverTheLimitAreRefused() {
    List<Header> many = Collections.nCopies(FrameLimits.MAX_HEADERS + 1, new Header("a", "b"));
    List<Header> longName = List.of(new Header("n".repeat(70_000), ""));
    for (List<Header> headers : List.of(many, longName)) {
      ByteBuf value = Unpooled.buffer().writeZero(1);
      PredictBatch batch = batchOf(request(headers, value));
      assertThrows(ProtocolException.class, () -> encoder.encode(batch, out));
      assertEquals(value.refCnt(), 0);
    }
    assertEquals(allocator.metric().usedDirectMemory(), 0);
  }

  @Test
  public void aBatchThatIsDroppedGivesItsBuffersBackOnce() {
    ByteBuf value = Unpooled.buffer().writeZero(1);
    PredictBatch batch = batchOf(request(List.of(), value));
    batch.release();
    batch.release();
    assertEquals(value.refCnt(), 0);
  }

  private PredictBatch batchOf(InferenceRequest... requests) {
    PredictBatch batch = new PredictBatch(1, List.of(requests), new int[requests.length]);
    for (InferenceRequest request : requests) {
      request.release();
    }
    return batch;
  }

  private static InferenceRequest request(List<Header> headers, ByteBuf value) {
    return new InferenceRequest(
        "r",
        new InferenceRequest.Target("m", Optional.empty()),
        RequestKind.PREDICT,
        new InferenceRequest.Origin(Protocol.HTTP, false),
        headers,
        List.of(new InputPart("body", "", value)),
        Optional.empty());
  }

  private void releaseOut() {
    out.forEach(ByteBuf::release);
    out.clear();
  }
}
