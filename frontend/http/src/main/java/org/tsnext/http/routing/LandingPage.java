package org.tsnext.http.routing;

import io.netty.buffer.Unpooled;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpRequest;
import java.util.List;
import java.util.Optional;
import org.tsnext.core.request.Header;
import org.tsnext.http.connection.Exchange;
import org.tsnext.http.request.WeightedValue;
import org.tsnext.http.response.Response;

/**
 * Where someone is led who opens {@code /} in a browser. Other clients are told what they always
 * were.
 *
 * @param path without the slash at its end
 */
public record LandingPage(String path) {

  private static final String HTML = "text/html";

  /** Answers that the page is elsewhere. The place is relative, for proxies. */
  void lead(Exchange exchange) {
    exchange.send(
        new Response(
            302,
            "",
            Optional.empty(),
            List.of(new Header("location", path.substring(1) + "/"), new Header("vary", "accept")),
            Unpooled.EMPTY_BUFFER));
  }

  /** Whether a request reads, and its {@code Accept} prefers HTML to JSON. */
  static boolean isWanted(HttpRequest head) {
    if (!head.method().equals(HttpMethod.GET) && !head.method().equals(HttpMethod.HEAD)) {
      return false;
    }
    double html = 0;
    double json = 0;
    double anything = 0;
    for (WeightedValue range : WeightedValue.all(head.headers().getAll(HttpHeaderNames.ACCEPT))) {
      switch (range.value()) {
        case HTML -> html = Math.max(html, range.weight(0));
        case "application/json" -> json = Math.max(json, range.weight(0));
        case "*/*" -> anything = Math.max(anything, range.weight(0));
        default -> {
          // Neither of both.
        }
      }
    }
    return html > Math.max(json, anything);
  }
}
