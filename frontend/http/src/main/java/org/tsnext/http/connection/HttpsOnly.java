package org.tsnext.http.connection;

import io.netty.handler.codec.http.HttpRequest;
import org.tsnext.api.Json;
import org.tsnext.http.connection.RequestRouter.Destination;
import org.tsnext.http.response.Response;

/** Answers every request that came to an https listener without TLS. */
final class HttpsOnly implements RequestRouter, Destination {

  private static final int FORBIDDEN = 403;

  @Override
  public Destination route(HttpRequest head) {
    return this;
  }

  @Override
  public boolean wantsBody() {
    return false;
  }

  @Override
  public void respond(Exchange exchange) {
    exchange.closeAfterwards();
    exchange.send(
        Response.json(
            FORBIDDEN, Json.status("This TorchServe instance only accepts HTTPS requests")));
  }
}
