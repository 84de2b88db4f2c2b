package org.tsnext.server.tracing;

import io.opentelemetry.sdk.common.export.GrpcSender;
import io.opentelemetry.sdk.common.export.GrpcSenderConfig;
import io.opentelemetry.sdk.common.export.GrpcSenderProvider;

/**
 * Has the SDK export over gRPC by the library that our own listeners use. The sender that comes
 * with the SDK for that library knows neither certificates nor retries; the other ones bring a
 * second HTTP client.
 */
public final class GrpcExport implements GrpcSenderProvider {

  @Override
  public GrpcSender createSender(GrpcSenderConfig config) {
    return new GrpcExportSender(GrpcExportChannel.open(config), config);
  }
}
