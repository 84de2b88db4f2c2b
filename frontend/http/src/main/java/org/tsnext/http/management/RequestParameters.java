package org.tsnext.http.management;

import io.netty.buffer.ByteBuf;
import org.tsnext.api.Parameters;
import org.tsnext.core.error.ServingException;
import org.tsnext.http.connection.Exchange;
import org.tsnext.http.request.FormParser;
import org.tsnext.http.request.MediaType;
import org.tsnext.http.request.QueryParameters;
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
   * @throws ServingException BAD_REQUEST if the body is not what its type says, or has a parameter
   *     that is not known
   */
  static Parameters ofBody(RoutedRequest request, KnownParameters known) {
    Exchange exchange = request.exchange();
    ByteBuf body = exchange.takeBody();
    try {
      String type = MediaType.bare(exchange.contentType());
      if (type.equals("application/json")) {
        JsonParameters json = JsonParameters.parse(body);
        known.check(json.json().keySet());
        return json;
      }
      if (!type.equals("application/x-www-form-urlencoded")) {
        return new TextParameters(request.query());
      }
      QueryParameters form = FormParser.parseParameters(body);
      known.checkForm(form.asMap().keySet());
      return new TextParameters(request.query(), form);
    } finally {
      body.release();
    }
  }
}
