package org.tsnext.server.tracing;

import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.netty.NettyChannelBuilder;
import io.netty.channel.ChannelOption;
import io.netty.handler.codec.http2.Http2SecurityUtil;
import io.netty.handler.ssl.ApplicationProtocolConfig;
import io.netty.handler.ssl.ApplicationProtocolNames;
import io.netty.handler.ssl.ClientAuth;
import io.netty.handler.ssl.JdkSslContext;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SupportedCipherSuiteFilter;
import io.opentelemetry.sdk.common.export.GrpcSenderConfig;
import io.opentelemetry.sdk.common.export.RetryPolicy;
import java.net.URI;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import javax.net.ssl.SSLContext;

/** The connection to a receiver of OTLP over gRPC. */
final class GrpcExportChannel {

  /** What the protocol lets a client try again. */
  private static final List<String> RETRIED =
      Stream.of(
              Status.Code.CANCELLED,
              Status.Code.DEADLINE_EXCEEDED,
              Status.Code.RESOURCE_EXHAUSTED,
              Status.Code.ABORTED,
              Status.Code.OUT_OF_RANGE,
              Status.Code.UNAVAILABLE,
              Status.Code.DATA_LOSS)
          .map(Enum::name)
          .toList();

  private static final double MILLIS_PER_SECOND = 1000.0;
  private static final int HTTP_PORT = 80;
  private static final int HTTPS_PORT = 443;

  private GrpcExportChannel() {}

  /** Opens a channel, which connects with its first call. */
  static ManagedChannel open(GrpcSenderConfig config) {
    URI endpoint = config.getEndpoint();
    boolean secure = "https".equals(endpoint.getScheme());
    int port = endpoint.getPort() < 0 ? (secure ? HTTPS_PORT : HTTP_PORT) : endpoint.getPort();
    NettyChannelBuilder builder =
        NettyChannelBuilder.forAddress(endpoint.getHost(), port)
            // What is done with a response is short.
            .directExecutor()
            .withOption(ChannelOption.CONNECT_TIMEOUT_MILLIS, millis(config.getConnectTimeout()))
            .maxInboundMessageSize(
                (int) Math.min(Integer.MAX_VALUE, config.getMaxResponseBodySize()));
    if (secure) {
      builder.sslContext(tls(Optional.ofNullable(config.getSslContext())));
    } else {
      builder.usePlaintext();
    }
    RetryPolicy retries = config.getRetryPolicy();
    if (retries != null && retries.getMaxAttempts() > 1) {
      builder.defaultServiceConfig(serviceConfig(retries)).enableRetry();
    } else {
      builder.disableRetry();
    }
    return builder.build();
  }

  private static int millis(Duration duration) {
    // 0 is no limit to the SDK, and to Netty.
    return (int) Math.min(Integer.MAX_VALUE, duration.toMillis());
  }

  /** As the SDK has read the certificates; those of the JDK if it was given none. */
  private static SslContext tls(Optional<SSLContext> configured) {
    try {
      return new JdkSslContext(
          configured.isPresent() ? configured.get() : SSLContext.getDefault(),
          true,
          Http2SecurityUtil.CIPHERS,
          SupportedCipherSuiteFilter.INSTANCE,
          new ApplicationProtocolConfig(
              ApplicationProtocolConfig.Protocol.ALPN,
              ApplicationProtocolConfig.SelectorFailureBehavior.NO_ADVERTISE,
              ApplicationProtocolConfig.SelectedListenerFailureBehavior.ACCEPT,
              ApplicationProtocolNames.HTTP_2),
          ClientAuth.NONE,
          null,
          false);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("This Java has no TLS: " + e.getMessage(), e);
    }
  }

  /** In the form that gRPC defines for service configurations. */
  private static Map<String, Object> serviceConfig(RetryPolicy policy) {
    Map<String, Object> retries =
        Map.of(
            "maxAttempts", (double) policy.getMaxAttempts(),
            "initialBackoff", seconds(policy.getInitialBackoff()),
            "maxBackoff", seconds(policy.getMaxBackoff()),
            "backoffMultiplier", policy.getBackoffMultiplier(),
            "retryableStatusCodes", RETRIED);
    return Map.of(
        "methodConfig", List.of(Map.of("name", List.of(Map.of()), "retryPolicy", retries)));
  }

  private static String seconds(Duration duration) {
    return duration.toMillis() / MILLIS_PER_SECOND + "s";
  }
}
