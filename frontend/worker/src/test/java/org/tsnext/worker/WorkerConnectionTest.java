package org.tsnext.worker;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertFalse;
import static org.testng.Assert.assertThrows;
import static org.testng.Assert.assertTrue;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import io.netty.buffer.UnpooledByteBufAllocator;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelOutboundHandlerAdapter;
import io.netty.channel.ChannelPromise;
import io.netty.channel.EventLoop;
import io.netty.channel.embedded.EmbeddedChannel;
import io.netty.util.ReferenceCountUtil;
import java.io.IOException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.testng.annotations.DataProvider;
import org.testng.annotations.Test;
import org.tsnext.core.request.InferenceRequest;
import org.tsnext.core.request.InputPart;
import org.tsnext.core.request.Protocol;
import org.tsnext.core.request.RequestKind;
import org.tsnext.core.testing.ManualTime;
import org.tsnext.worker.connection.WorkerConnection;
import org.tsnext.worker.protocol.FrameDecoder;
import org.tsnext.worker.protocol.FrameEncoder;
import org.tsnext.worker.protocol.FrameLimits;
import org.tsnext.worker.protocol.FrameType;
import org.tsnext.worker.protocol.FrameType.Flags;
import org.tsnext.worker.protocol.MessageHandler;
import org.tsnext.worker.protocol.Outgoing;
import org.tsnext.worker.protocol.PredictBatch;

/**
 * A worker gets and gives whole messages, or its connection is closed, wherever something fails.
 */
public class WorkerConnectionTest {

  private static final FrameLimits LIMITS = FrameLimits.of(3_000_000, 3_000_000);
  private static final Outgoing LOAD = new Outgoing.Json(FrameType.LOAD, 0, "{}");

  @Test
  public void batchForWhichMemoryRunsOutEndsOnceAndTheNextOneIsSent() throws Exception {
    int failures = 0;
    for (boolean failed = true; failed; failures += failed ? 1 : 0) {
      Peer peer = new Peer();
      peer.load();
      peer.memory.failAt(failures + 1);
      peer.connection.send(batch(1));
      peer.channel.runPendingTasks();
      failed = peer.memory.hasFailed();
      List<String> calls = peer.callsWith("not sent 1: 500");
      assertEquals(calls.size(), failed ? 1 : 0, "at allocation " + (failures + 1));
      assertReceived(peer, failed ? "" : encoded(batch(1)));
      peer.memory.failAt(Integer.MAX_VALUE);
      peer.connection.send(batch(2));
      peer.channel.runPendingTasks();
      assertReceived(peer, encoded(batch(2)));
      peer.closeAndCheck();
    }
    // The first buffer, its growth, one for each of two values, frames' headers, a copy from heap.
    assertTrue(failures >= 6, failures + " failures");
  }

  @Test
  public void batchThatNeverFitsEndsOnceAndTheNextOneIsSent() throws Exception {
    Peer peer = new Peer();
    peer.load();
    peer.connection.send(batch(1, Unpooled.buffer().writeZero(5_000_000)));
    peer.connection.send(batch(2));
    peer.channel.runPendingTasks();
    assertEquals(peer.callsWith("not sent").size(), 1);
    assertEquals(peer.callsWith("not sent 1: 400").size(), 1);
    assertReceived(peer, encoded(batch(2)));
    peer.closeAndCheck();
  }

  @Test
  public void cancellationsAndPingsForWhichMemoryRunsOutAreSentLater() throws Exception {
    for (Outgoing message : List.of(new Outgoing.Cancel(1, 0), new Outgoing.Ping(7))) {
      Peer peer = new Peer();
      peer.load();
      peer.memory.failFrom(1);
      peer.connection.send(message);
      for (int i = 0; i < 3; i++) {
        peer.channel.runPendingTasks();
        assertReceived(peer, "");
        peer.time.advance(WorkerConnection.RETRY);
      }
      peer.memory.failAt(Integer.MAX_VALUE);
      peer.channel.runPendingTasks();
      peer.time.advance(WorkerConnection.RETRY);
      peer.channel.runPendingTasks();
      assertReceived(peer, encoded(message));
      peer.closeAndCheck();
    }
  }

  @Test
  public void workerWhoseLoadMessageTakesMoreMemoryThanThereIsCountsAsLost() {
    Peer peer = new Peer();
    peer.memory.failFrom(1);
    peer.open();
    peer.channel.runPendingTasks();
    assertReceived(peer, "");
    assertFalse(peer.channel.isOpen());
    assertEquals(peer.callsWith("disconnected: its LOAD message cannot be sent").size(), 1);
    peer.closeAndCheck();
  }

  @DataProvider
  public Object[][] refusals() {
    return new Object[][] {
      {new OutOfMemoryError("Cannot reserve direct buffer memory"), false},
      {new OutOfMemoryError("Cannot reserve direct buffer memory"), true},
      {new StackOverflowError(), true},
      {new IllegalStateException("runtime"), true},
      {new IOException("no buffer space"), false},
    };
  }

  @Test(dataProvider = "refusals")
  public void connectionWhoseFrameIsRefusedIsClosedAndSendsNoPart(Throwable refusal, boolean thrown)
      throws Exception {
    String before = encoded(new Outgoing.Ping(1));
    int frames = 0;
    for (boolean failed = true; failed; frames += failed ? 1 : 0) {
      Peer peer = new Peer();
      peer.load();
      peer.connection.send(new Outgoing.Ping(1));
      peer.channel.runPendingTasks();
      Refusing refusing = new Refusing(frames + 1, refusal, thrown);
      peer.channel.pipeline().addFirst(refusing);
      peer.connection.send(batch(1));
      peer.connection.send(batch(2));
      peer.channel.runPendingTasks();
      failed = !peer.channel.isOpen();
      assertEquals(failed, refusing.seen > frames);
      if (failed) {
        assertReceived(peer, before);
        assertEquals(peer.callsWith("not sent").size(), 0, "they are those of a lost worker");
      } else {
        assertReceived(peer, before + encoded(batch(1)) + encoded(batch(2)));
      }
      peer.closeAndCheck();
    }
    assertTrue(frames > 6, frames + " frames");
  }

  @Test
  public void messageThatNoEventLoopTakesIsReleasedAndTheNextOneIsSent() throws Exception {
    Peer peer = new Peer();
    peer.load();
    peer.loopIsFull = true;
    ByteBuf value = Unpooled.buffer().writeZero(10);
    PredictBatch first = batch(1, value);
    assertThrows(OutOfMemoryError.class, () -> peer.connection.send(first));
    assertEquals(value.refCnt(), 0);
    peer.loopIsFull = false;
    peer.connection.send(batch(2));
    peer.channel.runPendingTasks();
    assertReceived(peer, encoded(batch(2)));
    peer.closeAndCheck();
  }

  @Test
  public void responseForWhichMemoryRunsOutComesWholeOrClosesTheConnection() {
    byte[] wire = responses();
    int failures = 0;
    for (boolean failed = true; failed; failures += failed ? 1 : 0) {
      Peer peer = new Peer();
      peer.load();
      peer.memory.failAt(failures + 1);
      for (int at = 0; at < wire.length && peer.channel.isOpen(); at += 7_000) {
        int size = Math.min(7_000, wire.length - at);
        peer.channel.writeInbound(Unpooled.wrappedBuffer(wire, at, size));
      }
      failed = peer.memory.hasFailed();
      assertEquals(peer.channel.isOpen(), !failed, "at allocation " + (failures + 1));
      List<String> whole = List.of("response 1/0 hello", "response 1/1 700000 bytes");
      assertEquals(peer.callsWith("response"), whole.subList(0, peer.callsWith("response").size()));
      if (!failed) {
        assertEquals(peer.callsWith("response"), whole);
      }
      peer.closeAndCheck();
    }
    assertTrue(failures > 2, failures + " failures");
  }

  /** Refuses the frame with that number, and those after it. */
  private static final class Refusing extends ChannelOutboundHandlerAdapter {
    private final int from;
    private final Throwable refusal;
    private final boolean thrown;
    private int seen;

    Refusing(int from, Throwable refusal, boolean thrown) {
      this.from = from;
      this.refusal = refusal;
      this.thrown = thrown;
    }

    @Override
    @SuppressWarnings("FutureReturnValueIgnored")
    public void write(ChannelHandlerContext ctx, Object frame, ChannelPromise promise)
        throws Exception {
      if (++seen != from) {
        ctx.write(frame, promise);
        return;
      }
      ReferenceCountUtil.release(frame);
      if (!thrown) {
        promise.setFailure(refusal);
      } else if (refusal instanceof Error error) {
        throw error;
      } else {
        throw (Exception) refusal;
      }
    }
  }

  /** The worker's side of a connection. */
  private static final class Peer {
    final FailingAllocator memory = new FailingAllocator();
    final ManualTime time = new ManualTime();
    final RecordingListener listener = new RecordingListener();
    final EmbeddedChannel channel = new LoopChannel(this);
    final WorkerConnection connection;
    boolean loopIsFull;
    private int lost;

    Peer() {
      channel.config().setAllocator(memory);
      connection =
          new WorkerConnection(
              channel,
              new WorkerConnection.Peer("w", "unix:w"),
              LOAD,
              LIMITS,
              listener,
              time,
              () -> lost++);
    }

    void open() {
      channel.pipeline().addLast(new FrameDecoder(LIMITS), new MessageHandler(LIMITS), connection);
    }

    void load() {
      open();
      String text = "{\"message\":\"m\",\"load_ms\":5}";
      ByteBuf loaded = frame(FrameType.LOADED, 0, 0, 0, TestWorker.utf8(text));
      channel.writeInbound(loaded);
      received();
    }

    List<String> callsWith(String prefix) {
      return listener.calls().stream().filter(call -> call.startsWith(prefix)).toList();
    }

    /** All that has come since the last call. */
    String received() {
      StringBuilder text = new StringBuilder();
      for (ByteBuf part = channel.readOutbound(); part != null; part = channel.readOutbound()) {
        text.append(part.toString(StandardCharsets.ISO_8859_1));
        part.release();
      }
      return text.toString();
    }

    void closeAndCheck() {
      channel.close().syncUninterruptibly();
      channel.runPendingTasks();
      received();
      assertEquals(callsWith("disconnected").size(), 1);
      assertEquals(lost, 1);
      assertEquals(memory.held(), List.of());
    }
  }

  /** Its event loop takes no task when there is no memory for it. */
  private static final class LoopChannel extends EmbeddedChannel {
    private final Peer peer;

    LoopChannel(Peer peer) {
      this.peer = peer;
    }

    @Override
    public EventLoop eventLoop() {
      EventLoop loop = super.eventLoop();
      if (peer == null || !peer.loopIsFull) {
        return loop;
      }
      return (EventLoop)
          Proxy.newProxyInstance(
              getClass().getClassLoader(),
              new Class<?>[] {EventLoop.class},
              (proxy, method, arguments) -> {
                if (method.getName().equals("execute")) {
                  throw new OutOfMemoryError("Java heap space");
                }
                try {
                  return method.invoke(loop, arguments);
                } catch (InvocationTargetException e) {
                  throw e.getCause();
                }
              });
    }
  }

  /** Each byte is a char. */
  private static void assertReceived(Peer peer, String expected) {
    String received = peer.received();
    assertEquals(received.length(), expected.length());
    assertTrue(received.equals(expected));
  }

  private static String encoded(Outgoing message) throws Exception {
    List<ByteBuf> out = new ArrayList<>();
    new FrameEncoder(LIMITS, UnpooledByteBufAllocator.DEFAULT).encode(message, out);
    ByteBuf wire = Unpooled.wrappedBuffer(out.toArray(ByteBuf[]::new));
    String text = wire.toString(StandardCharsets.ISO_8859_1);
    wire.release();
    return text;
  }

  /** Three requests: a small body, one on the heap, and one that is cut into frames. */
  private static PredictBatch batch(int id) {
    return batch(
        id,
        Unpooled.directBuffer().writeZero(10),
        Unpooled.buffer().writeZero(5_000),
        Unpooled.directBuffer().writeZero(600_000));
  }

  private static PredictBatch batch(int id, ByteBuf... values) {
    List<InferenceRequest> requests = new ArrayList<>();
    for (ByteBuf value : values) {
      requests.add(
          new InferenceRequest(
              "r",
              new InferenceRequest.Target("m", Optional.empty()),
              RequestKind.PREDICT,
              new InferenceRequest.Origin(Protocol.HTTP, false),
              List.of(),
              List.of(
                  new InputPart("data", "", value),
                  new InputPart("more", "", Unpooled.EMPTY_BUFFER)),
              Optional.empty()));
    }
    PredictBatch batch = new PredictBatch(id, requests, new int[values.length]);
    requests.forEach(InferenceRequest::release);
    return batch;
  }

  /** A small response, and one of two frames. */
  private static byte[] responses() {
    byte[] head = new byte[7];
    byte[] total = {0, 0x0A, (byte) 0xAE, 0x67};
    ByteBuf wire =
        Unpooled.wrappedBuffer(
            frame(FrameType.RESPONSE, 0, 0, 1, head, TestWorker.utf8("hello")),
            frame(FrameType.RESPONSE, Flags.MORE, 1, 1, total, head, new byte[400_000]),
            frame(FrameType.RESPONSE, Flags.CONTINUED, 1, 1, new byte[300_000]));
    return ByteBufUtil.getBytes(wire);
  }

  private static ByteBuf frame(FrameType type, int flags, int item, int id, byte[]... body) {
    ByteBuf content = Unpooled.wrappedBuffer(body);
    ByteBuf frame = Unpooled.buffer();
    frame.writeInt(8 + content.readableBytes()).writeByte(type.code()).writeByte(flags);
    return frame.writeShort(item).writeInt(id).writeBytes(content);
  }
}
