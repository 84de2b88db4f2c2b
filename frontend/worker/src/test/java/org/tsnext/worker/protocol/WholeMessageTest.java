package org.tsnext.worker.protocol;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertFalse;
import static org.testng.Assert.assertThrows;
import static org.testng.Assert.assertTrue;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import io.netty.buffer.UnpooledByteBufAllocator;
import io.netty.util.IllegalReferenceCountException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;
import org.testng.annotations.DataProvider;
import org.testng.annotations.Test;
import org.tsnext.core.request.Header;
import org.tsnext.core.request.InferenceRequest;
import org.tsnext.core.request.InputPart;
import org.tsnext.core.request.Protocol;
import org.tsnext.core.request.RequestKind;
import org.tsnext.worker.FailingAllocator;

/** A message is encoded or put together whole or not at all, wherever memory runs out. */
public class WholeMessageTest {

  private static final FrameLimits LIMITS = FrameLimits.of(3_000_000, 3_000_000);

  /** A body that is cut into several frames. */
  private static final int CUT = 1_200_000;

  private final List<ByteBuf> values = new ArrayList<>();

  @DataProvider
  public Object[][] messages() {
    return new Object[][] {
      {"a small request", message(() -> batch(value(10)))},
      {"a large one", message(() -> batch(value(5000)))},
      {"one that is cut", message(() -> batch(value(CUT)))},
      {"a batch of all of these", message(() -> batch(value(10), value(5000), value(CUT)))},
      {"LOAD", message(() -> new Outgoing.Json(FrameType.LOAD, 0, "{\"a\":\"\u20ac\"}"))},
      {
        "a LOAD that is cut",
        message(() -> new Outgoing.Json(FrameType.LOAD, 0, "x".repeat(600_000)))
      },
      {"CANCEL", message(() -> new Outgoing.Cancel(1, -1))},
      {"WITHDRAW", message(() -> new Outgoing.Withdraw(1))},
      {"PING", message(() -> new Outgoing.Ping(7))},
    };
  }

  @Test(dataProvider = "messages")
  public void noFrameComesOfAMessageForWhichMemoryRunsOut(String name, Supplier<Outgoing> message)
      throws Exception {
    String whole = encoded(new FrameEncoder(LIMITS, UnpooledByteBufAllocator.DEFAULT), message);
    FailingAllocator memory = new FailingAllocator();
    FrameEncoder encoder = new FrameEncoder(LIMITS, memory);
    int failures = 0;
    for (boolean failed = true; failed; failures += failed ? 1 : 0) {
      memory.failAt(failures + 1);
      List<ByteBuf> out = new ArrayList<>(List.of(Unpooled.buffer(1)));
      Outgoing next = message.get();
      try {
        encoder.encode(next, out);
      } catch (OutOfMemoryError e) {
        assertEquals(out.size(), 1, name + ": frames of a message that was not encoded");
      }
      failed = memory.hasFailed();
      assertEquals(out.size() > 1, !failed);
      out.forEach(ByteBuf::release);
      assertEquals(memory.held(), List.of(), name + " at allocation " + (failures + 1));
      assertNoValueIsHeld();
      memory.failAt(Integer.MAX_VALUE);
      assertEquals(encoded(encoder, message), whole, "the message after it");
    }
    assertTrue(failures > 0, name + " takes memory");
  }

  @Test
  public void batchOfWhichARequestIsReleasedHoldsNothing() {
    ByteBuf held = value(10);
    ByteBuf released = value(10);
    InferenceRequest first = request(held);
    InferenceRequest second = request(released);
    released.release();
    assertThrows(
        IllegalReferenceCountException.class,
        () -> new PredictBatch(1, List.of(first, second), new int[2]));
    assertEquals(held.refCnt(), 1);
    held.release();
  }

  @Test
  public void messageForWhichMemoryRunsOutWhenItComesIsDroppedWhole() throws Exception {
    List<byte[]> frames = framesOf("x".repeat(1_000_000));
    FailingAllocator memory = new FailingAllocator();
    int failures = 0;
    for (boolean failed = true; failed; failures += failed ? 1 : 0) {
      memory.failAt(failures + 1);
      MessageAssembler assembler =
          new MessageAssembler(FrameType.Sender.FRONTEND_TO_INIT, LIMITS, memory);
      List<ByteBuf> given = new ArrayList<>();
      Optional<Message> message = Optional.empty();
      try {
        for (byte[] frame : frames) {
          given.add(Unpooled.wrappedBuffer(frame));
          message = assembler.add(given.get(given.size() - 1));
        }
      } catch (OutOfMemoryError e) {
        assertTrue(message.isEmpty());
      }
      failed = memory.hasFailed();
      assertEquals(message.isPresent(), !failed);
      message.ifPresent(whole -> whole.body().release());
      assembler.close();
      assertEquals(memory.held(), List.of());
      for (ByteBuf frame : given) {
        assertEquals(frame.refCnt(), 0);
      }
    }
    assertTrue(failures > 0);
  }

  @Test
  public void frameThatNoMessageCanTakeIsReleasedOnce() throws Exception {
    List<byte[]> frames = framesOf("x".repeat(1_000_000));
    MessageAssembler assembler =
        new MessageAssembler(
            FrameType.Sender.FRONTEND_TO_INIT, LIMITS, UnpooledByteBufAllocator.DEFAULT);
    ByteBuf first = Unpooled.wrappedBuffer(frames.get(0));
    ByteBuf again = Unpooled.wrappedBuffer(frames.get(0));
    assertFalse(assembler.add(first).isPresent());
    assertThrows(ProtocolException.class, () -> assembler.add(again));
    assertEquals(first.refCnt() + again.refCnt(), 0);
  }

  /** What the length fields of a SPAWN's frames count. */
  private static List<byte[]> framesOf(String body) throws ProtocolException {
    List<ByteBuf> out = new ArrayList<>();
    FrameEncoder encoder = new FrameEncoder(LIMITS, UnpooledByteBufAllocator.DEFAULT);
    encoder.encode(new Outgoing.Json(FrameType.SPAWN, 1, body), out);
    ByteBuf wire = Unpooled.wrappedBuffer(out.toArray(ByteBuf[]::new));
    List<byte[]> frames = new ArrayList<>();
    while (wire.isReadable()) {
      byte[] frame = new byte[wire.readInt()];
      wire.readBytes(frame);
      frames.add(frame);
    }
    wire.release();
    return frames;
  }

  private String encoded(FrameEncoder encoder, Supplier<Outgoing> message) throws Exception {
    List<ByteBuf> out = new ArrayList<>();
    encoder.encode(message.get(), out);
    ByteBuf wire = Unpooled.wrappedBuffer(out.toArray(ByteBuf[]::new));
    String text = wire.readableBytes() + " " + ByteBufUtil.hashCode(wire);
    wire.release();
    assertNoValueIsHeld();
    return text;
  }

  private void assertNoValueIsHeld() {
    for (ByteBuf value : values) {
      assertEquals(value.refCnt(), 0);
    }
    values.clear();
  }

  private static Supplier<Outgoing> message(Supplier<Outgoing> supplier) {
    return supplier;
  }

  private ByteBuf value(int size) {
    ByteBuf value = Unpooled.directBuffer(size).writeZero(size);
    values.add(value);
    return value;
  }

  /** Holds its values alone. */
  private static PredictBatch batch(ByteBuf... values) {
    List<InferenceRequest> requests = new ArrayList<>();
    for (ByteBuf value : values) {
      requests.add(request(value, Unpooled.EMPTY_BUFFER));
    }
    PredictBatch batch = new PredictBatch(1, requests, new int[values.length]);
    requests.forEach(InferenceRequest::release);
    return batch;
  }

  /** With a header that makes the first buffer grow, as it is not ASCII. */
  private static InferenceRequest request(ByteBuf... values) {
    List<InputPart> parts = new ArrayList<>();
    for (ByteBuf value : values) {
      parts.add(new InputPart("data", "text/plain", value));
    }
    return new InferenceRequest(
        "r",
        new InferenceRequest.Target("m", Optional.empty()),
        RequestKind.PREDICT,
        new InferenceRequest.Origin(Protocol.HTTP, false),
        List.of(new Header("x", "\u20ac".repeat(200))),
        parts,
        Optional.empty());
  }
}
