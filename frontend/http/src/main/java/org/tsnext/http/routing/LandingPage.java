package org.tsnext.http.routing;

import io.netty.buffer.Unpooled;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpRequest;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.tsnext.core.request.Header;
import org.tsnext.http.connection.Exchange;
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
    for (String value : head.headers().getAll(HttpHeaderNames.ACCEPT)) {
      for (String range : value.toLowerCase(Locale.ROOT).split(",", -1)) {
        String type = range.split(";", 2)[0].trim();
        switch (type) {
          case HTML -> html = Math.max(html, quality(range));
          case "application/json" -> json = Math.max(json, quality(range));
          case "*/*" -> anything = Math.max(anything, quality(range));
          default -> {
            // Neither of both.
          }
        }
      }
    }
    return html > Math.max(json, anything);
  }

  /** The weight of a media range, 1 unless it says another one; 0 if that is none. */
  private static double quality(String range) {
    for (String parameter : range.split(";", -1)) {
      String[] pair = parameter.split("=", 2);
      if (pair.length == 2 && pair[0].trim().equals("q")) {
        String text = pair[1].trim();
        return text.matches("[01](\\.[0-9]{0,3})?") ? Double.parseDouble(text) : 0;
      }
    }
    return 1;
  }
}
