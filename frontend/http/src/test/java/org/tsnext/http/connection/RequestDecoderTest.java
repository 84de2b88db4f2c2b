package org.tsnext.http.connection;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertNotNull;

import io.netty.buffer.Unpooled;
import io.netty.channel.embedded.EmbeddedChannel;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.util.ReferenceCountUtil;
import java.nio.charset.StandardCharsets;
import org.testng.annotations.Test;

public class RequestDecoderTest {

  private static final String START = "POST /ping HTTP/1.1\r\nHost: t\r\n";

  private static boolean accepts(EmbeddedChannel channel) {
    Object message = channel.readInbound();
    while (message != null && !(message instanceof HttpRequest)) {
      ReferenceCountUtil.release(message);
      message = channel.readInbound();
    }
    assertNotNull(message);
    return ((HttpRequest) message).decoderResult().isSuccess();
  }

  private static void write(EmbeddedChannel channel, String bytes) {
    channel.writeInbound(Unpooled.copiedBuffer(bytes, StandardCharsets.US_ASCII));
  }

  @Test
  public void foldedLinesAreSeenWhereverTheRequestIsCut() {
    String bytes = START + "X: a\r\n b\r\n\r\n";
    for (int cut = 0; cut < bytes.length(); cut++) {
      EmbeddedChannel channel = new EmbeddedChannel(new RequestDecoder());
      write(channel, bytes.substring(0, cut));
      write(channel, bytes.substring(cut));
      assertEquals(accepts(channel), false, "cut at " + cut);
      channel.finishAndReleaseAll();
    }
  }

  @Test
  public void blanksAtTheStartOfABodyAndOfItsLinesAreNoFolds() {
    String next = "GET /ping HTTP/1.1\r\nHost: t\r\n\r\n";
    String first = START + "Content-Length: 6\r\n\r\n a\r\n\tb";
    String second = START + "Transfer-Encoding: chunked\r\n\r\n3\r\n\n a\r\n0\r\n\r\n";
    String bytes = first + second + next;
    for (int cut = 0; cut < bytes.length(); cut++) {
      EmbeddedChannel channel = new EmbeddedChannel(new RequestDecoder());
      write(channel, bytes.substring(0, cut));
      write(channel, bytes.substring(cut));
      for (int i = 0; i < 3; i++) {
        assertEquals(accepts(channel), true, "request " + i + ", cut at " + cut);
      }
      channel.finishAndReleaseAll();
    }
  }
}
