package org.tsnext.grpc;

import static org.testng.Assert.assertEquals;
import static org.testng.Assert.assertTrue;

import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientInterceptors;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.health.v1.HealthCheckRequest;
import io.grpc.health.v1.HealthGrpc;
import io.grpc.stub.ClientCalls;
import io.grpc.stub.MetadataUtils;
import java.util.List;
import java.util.Optional;
import org.testng.annotations.DataProvider;
import org.testng.annotations.Test;
import org.tsnext.core.access.AllowedPages;
import org.tsnext.grpc.settings.GrpcAccess;
import org.tsnext.grpc.settings.GrpcSettings;

/** Web pages that reach the listeners of gRPC by the HTTP/2 of a browser. */
public class GrpcOriginTest extends GrpcTestBase {

  @Override
  GrpcSettings settings() {
    AllowedPages pages = new AllowedPages(List.of("https://app.example"), List.of());
    return settings(
        address("inference", 0), new GrpcAccess(Optional.empty(), Optional.empty(), pages));
  }

  private Channel from(String header, String value) {
    Metadata sent = new Metadata();
    sent.put(key(header), value);
    return ClientInterceptors.intercept(channel(), MetadataUtils.newAttachHeadersInterceptor(sent));
  }

  @DataProvider
  public Object[][] foreign() {
    return new Object[][] {
      {"origin", "http://evil.example"},
      {"origin", "null"},
      {"sec-fetch-site", "cross-site"},
      {"sec-fetch-site", "same-site"},
    };
  }

  @Test(dataProvider = "foreign")
  public void foreignPageCallsNothing(String header, String value) {
    Channel page = from(header, value);
    StatusRuntimeException error =
        failure(
            () -> ClientCalls.blockingUnaryCall(page, PREDICTIONS, CallOptions.DEFAULT, cats("")));
    assertEquals(error.getStatus().getCode(), Status.Code.PERMISSION_DENIED);
    assertTrue(error.getStatus().getDescription().contains("cors_allowed_origin"));
    error =
        failure(
            () -> HealthGrpc.newBlockingStub(page).check(HealthCheckRequest.getDefaultInstance()));
    assertEquals(error.getStatus().getCode(), Status.Code.PERMISSION_DENIED);
    assertTrue(inference.isEmpty());
  }

  @Test
  public void allowedAndOwnPagesCall() {
    for (String origin : List.of("https://app.example", "http://127.0.0.1:" + port)) {
      ClientCalls.blockingUnaryCall(
          from("origin", origin), PREDICTIONS, CallOptions.DEFAULT, cats(""));
    }
    ClientCalls.blockingUnaryCall(
        from("sec-fetch-site", "same-origin"), PREDICTIONS, CallOptions.DEFAULT, cats(""));
  }
}
