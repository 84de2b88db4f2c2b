package org.tsnext.http.connection;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertTrue;

import io.netty.buffer.AbstractByteBufAllocator;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.CompositeByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.buffer.UnpooledByteBufAllocator;
import io.netty.channel.DefaultChannelId;
import io.netty.channel.embedded.EmbeddedChannel;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http2.DefaultHttp2DataFrame;
import io.netty.handler.codec.http2.DefaultHttp2Headers;
import io.netty.handler.codec.http2.DefaultHttp2HeadersFrame;
import io.netty.handler.codec.http2.Http2DataFrame;
import io.netty.handler.codec.http2.Http2HeadersFrame;
import io.netty.util.ReferenceCountUtil;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.testng.annotations.DataProvider;
import org.testng.annotations.Test;
import org.tsnext.core.time.Clock;
import org.tsnext.http.connection.RequestRouter.Destination;
import org.tsnext.transport.BodyMemory;

/** As {@link OutOfMemoryTest}, on a stream of HTTP/2. */
public class Http2OutOfMemoryTest {

  private final BodyMemory memory = new BodyMemory(1 << 20);
  private final List<ByteBuf> received = new ArrayList<>();

  /** Where the memory runs out: when the second piece comes, or where the request is handed on. */
  @DataProvider
  static Object[][] moments() {
    return new Object[][] {{true}, {false}};
  }

  @Test(dataProvider = "moments")
  public void requestIs507AndNothingStaysBehind(boolean whileItComes) {
    EmbeddedChannel parent = new EmbeddedChannel();
    EmbeddedChannel stream =
        new EmbeddedChannel(
            parent,
            DefaultChannelId.newInstance(),
            true,
            false,
            new Http2RequestReader(
                OutOfMemoryTest.server(memory, Clock.system()), head -> new Failing()));
    stream.config().setAllocator(new WithoutLists(whileItComes));
    stream.writeInbound(new DefaultHttp2HeadersFrame(head()));
    stream.writeInbound(piece(false));
    stream.writeInbound(piece(true));
    Http2HeadersFrame answer = stream.readOutbound();
    assertEquals(answer.headers().status().toString(), "507");
    Http2DataFrame body = stream.readOutbound();
    assertTrue(body.isEndStream());
    assertTrue(body.content().toString(StandardCharsets.UTF_8).contains("out of memory"));
    body.release();
    ReferenceCountUtil.release(stream.readOutbound());
    stream.finishAndReleaseAll();
    parent.finishAndReleaseAll();
    received.forEach(piece -> assertEquals(piece.refCnt(), 0));
    received.clear();
    assertEquals(memory.held(), 0);
  }

  private static DefaultHttp2Headers head() {
    DefaultHttp2Headers headers = new DefaultHttp2Headers();
    headers.method("POST").path("/x").scheme("http").authority("t");
    return headers;
  }

  private DefaultHttp2DataFrame piece(boolean last) {
    ByteBuf bytes = Unpooled.copiedBuffer("x".repeat(3000), StandardCharsets.US_ASCII);
    received.add(bytes);
    return new DefaultHttp2DataFrame(bytes, last);
  }

  /** Takes a body, and fails when it gets it. */
  private static final class Failing implements Destination {
    @Override
    public boolean wantsBody() {
      return true;
    }

    @Override
    public void respond(Exchange exchange) {
      assertEquals(exchange.method(), HttpMethod.POST);
      throw new OutOfMemoryError("none left");
    }
  }

  /** Has no memory for lists of buffers. */
  private static final class WithoutLists extends AbstractByteBufAllocator {
    private final boolean empty;

    WithoutLists(boolean empty) {
      this.empty = empty;
    }

    @Override
    protected ByteBuf newHeapBuffer(int initialCapacity, int maxCapacity) {
      return UnpooledByteBufAllocator.DEFAULT.heapBuffer(initialCapacity, maxCapacity);
    }

    @Override
    protected ByteBuf newDirectBuffer(int initialCapacity, int maxCapacity) {
      return UnpooledByteBufAllocator.DEFAULT.directBuffer(initialCapacity, maxCapacity);
    }

    @Override
    public CompositeByteBuf compositeBuffer(int maxNumComponents) {
      if (empty) {
        throw new OutOfMemoryError("none left");
      }
      return super.compositeBuffer(maxNumComponents);
    }

    @Override
    public boolean isDirectBufferPooled() {
      return false;
    }
  }
}
