package org.tsnext.transport;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertFalse;
import static org.testng.Assert.assertThrows;
import static org.testng.Assert.assertTrue;

import io.netty.bootstrap.ServerBootstrap;
import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.ServerChannel;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.testng.annotations.DataProvider;
import org.testng.annotations.Test;

/** Each transport that this machine has serves what it says it serves. */
public class TransportTest {

  @DataProvider
  Object[][] transports() {
    return new Object[][] {{Transport.choose(true)}, {Transport.choose(false)}};
  }

  @Test
  public void nativeTransportsAreNotUsedUnlessAllowed() {
    Transport transport = Transport.choose(false);
    assertEquals(transport.name(), "nio");
    assertFalse(transport.supportsUnixSockets());
    assertThrows(UnsupportedOperationException.class, transport::unixServerChannel);
    assertThrows(
        UnsupportedOperationException.class, () -> transport.unixAddress(Path.of("/tmp/w")));
  }

  @Test(dataProvider = "transports")
  public void tcpIsServedByThreadsWithTheirName(Transport transport) throws Exception {
    InetSocketAddress loopback = new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
    checkEcho(transport, transport.tcpServerChannel(), loopback, Optional.empty());
  }

  @Test(dataProvider = "transports")
  public void unixSocketsAreServedWhereTheyExist(Transport transport) throws Exception {
    if (!transport.supportsUnixSockets()) {
      return;
    }
    Path folder = Files.createTempDirectory("transport-");
    Path socket = folder.resolve("w");
    try {
      checkEcho(
          transport,
          transport.unixServerChannel(),
          transport.unixAddress(socket),
          Optional.of(UnixDomainSocketAddress.of(socket)));
    } finally {
      Files.deleteIfExists(socket);
      Files.delete(folder);
    }
  }

  private static void checkEcho(
      Transport transport,
      Class<? extends ServerChannel> type,
      SocketAddress bind,
      Optional<SocketAddress> dial)
      throws IOException {
    EventLoopGroup eventLoops = transport.newEventLoopGroup(1, "echo-loop");
    AtomicReference<String> thread = new AtomicReference<>("");
    try {
      Channel server =
          new ServerBootstrap()
              .group(eventLoops)
              .channel(type)
              .childHandler(new Echo(thread))
              .bind(bind)
              .syncUninterruptibly()
              .channel();
      try (SocketChannel client = SocketChannel.open(dial.orElseGet(server::localAddress))) {
        client.write(ByteBuffer.wrap(new byte[] {42}));
        ByteBuffer response = ByteBuffer.allocate(1);
        assertEquals(client.read(response), 1);
        assertEquals(response.get(0), 42);
      }
      assertTrue(thread.get().startsWith("echo-loop"), thread.get());
    } finally {
      eventLoops.shutdownGracefully(0, 2, TimeUnit.SECONDS).syncUninterruptibly();
    }
  }

  private static final class Echo extends ChannelInboundHandlerAdapter {
    private final AtomicReference<String> thread;

    Echo(AtomicReference<String> thread) {
      this.thread = thread;
    }

    @Override
    public void channelRead(ChannelHandlerContext ctx, Object message) {
      thread.set(Thread.currentThread().getName());
      var unused = ctx.writeAndFlush((ByteBuf) message);
    }
  }
}
