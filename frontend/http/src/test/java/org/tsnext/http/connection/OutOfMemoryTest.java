package org.tsnext.http.connection;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertFalse;
import static org.testng.Assert.assertTrue;
import static org.testng.Assert.expectThrows;

import io.netty.buffer.AbstractByteBufAllocator;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.CompositeByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.buffer.UnpooledHeapByteBuf;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelOutboundHandlerAdapter;
import io.netty.channel.ChannelPromise;
import io.netty.channel.embedded.EmbeddedChannel;
import io.netty.handler.codec.http.HttpRequest;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.testng.annotations.AfterMethod;
import org.testng.annotations.BeforeMethod;
import org.testng.annotations.DataProvider;
import org.testng.annotations.Test;
import org.tsnext.core.error.ErrorForm;
import org.tsnext.core.metrics.MetricRegistry;
import org.tsnext.core.request.Header;
import org.tsnext.core.testing.CoreFixture;
import org.tsnext.core.time.Clock;
import org.tsnext.http.connection.RequestRouter.Destination;
import org.tsnext.http.response.CorsOrigins;
import org.tsnext.http.response.ErrorRenderer;
import org.tsnext.http.response.HeadEncoder;
import org.tsnext.http.response.Response;
import org.tsnext.http.settings.CorsSettings;
import org.tsnext.transport.BodyMemory;

/** There is no memory at some moment of a request: it ends once, and nothing stays behind. */
public class OutOfMemoryTest {

  private static final String HEAD = "POST /x HTTP/1.1\r\nHost: t\r\nContent-Length: 6000\r\n\r\n";
  private static final String LARGE = "x".repeat(3000);
  private static final String SMALL = "x".repeat(100);

  private final BodyMemory memory = new BodyMemory(1 << 20);
  private final List<ByteBuf> buffers = new ArrayList<>();
  private Scarce allocator;
  private EmbeddedChannel channel;
  private Exchange exchange;
  private boolean clientGone;
  private long heldAtLastWrite;
  private BrittleClock clock;

  /** Has the end of an exchange fail, which asks it how long that took. */
  private static final class BrittleClock implements Clock {
    private boolean broken;

    @Override
    public long nanoTime() {
      if (broken) {
        throw new OutOfMemoryError("none left");
      }
      return System.nanoTime();
    }

    @Override
    public Instant now() {
      return Instant.now();
    }
  }

  /** Has no memory for some buffers. */
  private final class Scarce extends AbstractByteBufAllocator {
    private boolean empty;
    private int before = -1;

    /** Fails for all that come. */
    void hasNone() {
      empty = true;
    }

    /** Fails for one, after some. */
    void failsOnceAfter(int others) {
      before = others;
    }

    private void take() {
      if (empty || before-- == 0) {
        throw new OutOfMemoryError("none left");
      }
    }

    @Override
    protected ByteBuf newHeapBuffer(int initialCapacity, int maxCapacity) {
      ByteBuf made =
          new UnpooledHeapByteBuf(this, initialCapacity, maxCapacity) {
            @Override
            protected byte[] allocateArray(int size) {
              take();
              return super.allocateArray(size);
            }
          };
      buffers.add(made);
      return made;
    }

    @Override
    protected ByteBuf newDirectBuffer(int initialCapacity, int maxCapacity) {
      return newHeapBuffer(initialCapacity, maxCapacity);
    }

    @Override
    public CompositeByteBuf compositeBuffer(int maxNumComponents) {
      take();
      return new CompositeByteBuf(this, false, maxNumComponents) {
        @Override
        public CompositeByteBuf addComponent(boolean readable, ByteBuf part) {
          try {
            take();
          } catch (Throwable failure) {
            part.release();
            throw failure;
          }
          return super.addComponent(readable, part);
        }
      };
    }

    @Override
    public boolean isDirectBufferPooled() {
      return false;
    }
  }

  @BeforeMethod
  public void open() {
    clock = new BrittleClock();
    ServerContext server = server(memory, clock);
    ConnectionHandler connection = new ConnectionHandler(server);
    exchange = null;
    clientGone = false;
    allocator = new Scarce();
    channel = new EmbeddedChannel();
    channel.config().setAllocator(allocator);
    channel
        .pipeline()
        .addLast(
            new ChannelOutboundHandlerAdapter() {
              @Override
              public void write(ChannelHandlerContext ctx, Object message, ChannelPromise done) {
                heldAtLastWrite = memory.held();
                var unused = ctx.write(message, done);
              }
            },
            new RequestDecoder(),
            connection,
            new RequestAssembler(connection, server, this::route));
  }

  /** What the connections of a server share that has nothing but memory and time. */
  static ServerContext server(BodyMemory memory, Clock clock) {
    return new ServerContext(
        new ServerContext.Bodies(1 << 20, 1 << 16, memory),
        new ServerContext.Rendering(
            new HeadEncoder(CorsSettings.none(), Clock.system()),
            new CorsOrigins(CorsSettings.none()),
            new ErrorRenderer(ErrorForm.next(true), false)),
        new HttpAccessLog(),
        CoreFixture.serverMetrics(new MetricRegistry(100)),
        clock,
        () -> false);
  }

  @AfterMethod(alwaysRun = true)
  public void nothingIsHeld() {
    channel.finishAndReleaseAll();
    for (ByteBuf buffer : buffers) {
      assertEquals(buffer.refCnt(), 0, "a buffer is not released");
    }
    buffers.clear();
    assertEquals(memory.held(), 0);
  }

  private Destination route(HttpRequest head) {
    return new Destination() {
      @Override
      public boolean wantsBody() {
        return true;
      }

      @Override
      public void respond(Exchange whole) {
        exchange = whole;
        whole.onClientGone(() -> clientGone = true);
        if (head.headers().contains("fail")) {
          throw new OutOfMemoryError("while it is handed on");
        }
      }
    };
  }

  private void receive(String bytes) {
    ByteBuf buffer = Unpooled.copiedBuffer(bytes, StandardCharsets.US_ASCII);
    buffers.add(buffer);
    channel.writeInbound(buffer);
  }

  private void receiveWhole() {
    receive("POST /x HTTP/1.1\r\nHost: t\r\nContent-Length: 1\r\n\r\nx");
  }

  private String sent() {
    StringBuilder text = new StringBuilder();
    ByteBuf next = channel.readOutbound();
    while (next != null) {
      text.append(next.toString(StandardCharsets.US_ASCII));
      next.release();
      next = channel.readOutbound();
    }
    return text.toString();
  }

  private void assertIs507() {
    String response = sent();
    assertTrue(response.startsWith("HTTP/1.1 507 "), response);
    assertTrue(response.contains("connection: close"), response);
    assertTrue(response.contains("The server is out of memory."), response);
    assertEquals(response.split("HTTP/1.1", -1).length, 2, "one answer");
  }

  @DataProvider
  static Object[][] piecesForWhichThereIsNoMemory() {
    return new Object[][] {
      {"the list of pieces", 0, new String[] {LARGE, LARGE}},
      {"the list of pieces, a small one", 0, new String[] {LARGE, SMALL}},
      {"a buffer for small ones", 1, new String[] {LARGE, SMALL}},
      {"a buffer for small ones, the first of all", 1, new String[] {SMALL, SMALL}},
      {"the last small ones", 2, new String[] {LARGE, LARGE.substring(SMALL.length()), SMALL}},
    };
  }

  @Test(dataProvider = "piecesForWhichThereIsNoMemory")
  public void bodyThatCannotBeCollectedIs507(String what, int others, String[] pieces) {
    receive(HEAD);
    allocator.failsOnceAfter(others);
    for (String piece : pieces) {
      receive(piece);
    }
    assertIs507();
    assertEquals(heldAtLastWrite, 0, "the body is dropped before the answer");
  }

  @Test
  public void requestThatCannotBeHandedOnIs507() {
    receive("POST /x HTTP/1.1\r\nHost: t\r\nFail: 1\r\nContent-Length: 1\r\n\r\nx");
    assertIs507();
  }

  @Test
  public void failureOfTheDecoderWhileABodyComesIs507() {
    receive(HEAD);
    receive(LARGE);
    receive(SMALL);
    channel.pipeline().fireExceptionCaught(new OutOfMemoryError("for what is read"));
    assertIs507();
  }

  @Test
  public void failureThatCannotBeToldEndsTheConnection() {
    receive(HEAD);
    clock.broken = true;
    channel.pipeline().fireExceptionCaught(new OutOfMemoryError("for what is read"));
    channel.runPendingTasks();
    assertFalse(channel.isOpen());
  }

  @Test
  public void answerThatCannotBeWrittenEndsWithItsConnection() {
    receiveWhole();
    allocator.hasNone();
    ByteBuf body = Unpooled.copiedBuffer("answer", StandardCharsets.US_ASCII);
    buffers.add(body);
    Throwable failure =
        expectThrows(
            OutOfMemoryError.class,
            () -> exchange.send(new Response(200, "", Optional.of("text/plain"), List.of(), body)));
    assertEquals(failure.getMessage(), "none left");
    channel.runPendingTasks();
    assertFalse(channel.isOpen());
    assertTrue(clientGone, "what the exchange waits for is told");
  }

  @Test
  public void answerWhoseBodyDoesNotFitBehindItsHeadEndsWithItsConnection() {
    receiveWhole();
    allocator.failsOnceAfter(1);
    ByteBuf body = Unpooled.copiedBuffer(LARGE, StandardCharsets.US_ASCII);
    buffers.add(body);
    List<Header> headers = List.of(new Header("x-long", "x".repeat(600)));
    Response response = new Response(200, "", Optional.of("text/plain"), headers, body);
    expectThrows(OutOfMemoryError.class, () -> exchange.send(response));
    channel.runPendingTasks();
    assertFalse(channel.isOpen());
    assertTrue(clientGone, "what the exchange waits for is told");
  }

  @Test
  public void chunkThatCannotBeWrittenEndsItsStreamAndConnection() {
    receiveWhole();
    assertTrue(exchange.beginStream(200, "", "text/plain", List.of()));
    allocator.hasNone();
    ByteBuf chunk = Unpooled.copiedBuffer("chunk", StandardCharsets.US_ASCII);
    buffers.add(chunk);
    expectThrows(OutOfMemoryError.class, () -> exchange.writeChunk(chunk));
    channel.runPendingTasks();
    assertFalse(channel.isOpen());
    assertTrue(clientGone, "what the exchange waits for is told");
    assertEquals(memory.held(), 0);
  }

  @Test
  public void errorThatCannotBeWrittenEndsWithItsConnection() {
    allocator.hasNone();
    receive("POST /x HTTP/1.1\r\nHost: t\r\nFail: 1\r\nContent-Length: 1\r\n\r\nx");
    channel.runPendingTasks();
    assertEquals(sent(), "");
    assertFalse(channel.isOpen());
    assertTrue(clientGone, "what the exchange waits for is told");
  }
}
