package org.tsnext.http.management;

import io.netty.buffer.ByteBuf;
import org.tsnext.api.Parameters;
import org.tsnext.core.error.ServingException;
import org.tsnext.http.connection.Exchange;
import org.tsnext.http.request.FormParser;
import org.tsnext.http.request.MediaType;
import org.tsnext.http.routing.RoutedRequest;

/** The parameters of a request, wherever it has them: in its query, a JSON object or a form. */
final class RequestParameters {

  private RequestParameters() {}

  static Parameters ofQuery(RoutedRequest request) {
    return new TextParameters(request.query());
  }

  /**
   * JSON replaces the query; a form says what the query does not. Takes the body.
   *
   * @throws ServingException BAD_REQUEST if the body is not what its type says
   */
  static Parameters ofBody(RoutedRequest request) {
    Exchange exchange = request.exchange();
    ByteBuf body = exchange.takeBody();
    try {
      String type = MediaType.bare(exchange.contentType());
      if (type.equals("application/json")) {
        return JsonParameters.parse(body);
      }
      return type.equals("application/x-www-form-urlencoded")
          ? new TextParameters(request.query(), FormParser.parseParameters(body))
          : new TextParameters(request.query());
    } finally {
      body.release();
    }
  }
}
