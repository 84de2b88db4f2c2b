package org.tsnext.grpc;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertTrue;

import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.netty.GrpcSslContexts;
import io.grpc.netty.NettyChannelBuilder;
import io.netty.handler.ssl.util.InsecureTrustManagerFactory;
import java.io.IOException;
import java.time.InstantSource;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import javax.net.ssl.SSLException;
import org.testng.annotations.AfterClass;
import org.testng.annotations.BeforeClass;
import org.testng.annotations.Test;
import org.tsnext.core.access.AllowedPages;
import org.tsnext.grpc.settings.GrpcAccess;
import org.tsnext.grpc.settings.GrpcSettings;
import org.tsnext.transport.tls.KeySource;
import org.tsnext.transport.tls.TlsKeys;

/** gRPC over TLS. */
public class GrpcTlsTest extends GrpcTestBase {

  private final AtomicInteger handshakeTasks = new AtomicInteger();
  private ExecutorService handshakes;
  private TlsKeys keys;

  @BeforeClass
  public void makeKey() throws IOException {
    handshakes = Executors.newFixedThreadPool(2);
    keys = TlsKeys.open(new KeySource.SelfSigned(List.of("localhost")), InstantSource.system());
  }

  @AfterClass(alwaysRun = true)
  public void endHandshakes() {
    handshakes.shutdownNow();
  }

  @Override
  GrpcSettings settings() {
    return settings(
        address("inference", 0),
        new GrpcAccess(
            Optional.empty(),
            Optional.of(
                new GrpcAccess.Tls(
                    keys,
                    task -> {
                      handshakeTasks.incrementAndGet();
                      handshakes.execute(task);
                    })),
            AllowedPages.none()));
  }

  private ManagedChannel secure() throws SSLException {
    return keep(
        NettyChannelBuilder.forAddress("127.0.0.1", port)
            .sslContext(
                GrpcSslContexts.forClient()
                    .trustManager(InsecureTrustManagerFactory.INSTANCE)
                    .build())
            .build());
  }

  @Test
  public void callsGetResponsesAndHandshakesLeaveTheEventLoop() throws SSLException {
    assertEquals(ask(secure(), PREDICTIONS, cats("")).getPrediction().toStringUtf8(), "ok");
    assertTrue(handshakeTasks.get() > 0);
  }

  @Test
  public void clientWithoutTlsIsNotServedAndOthersAre() throws SSLException {
    StatusRuntimeException error = failure(() -> ask(channel(), PREDICTIONS, cats("")));
    assertEquals(error.getStatus().getCode(), Status.Code.UNAVAILABLE);
    ask(secure(), PREDICTIONS, cats(""));
  }
}
