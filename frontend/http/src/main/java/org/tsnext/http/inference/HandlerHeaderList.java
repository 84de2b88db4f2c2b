package org.tsnext.http.inference;

import io.netty.handler.codec.http.HttpHeaders;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import org.tsnext.core.request.Header;
import org.tsnext.core.request.RequestKind;

/** The request headers as the handler of a model gets them. */
final class HandlerHeaderList {

  private HandlerHeaderList() {}

  /**
   * The client's headers as it spelled them, without the names that only the server may say,
   * followed by those that the route adds. {@code Authorization} is passed on: as long as the
   * server has no tokens of its own, what it carries is meant for the handler.
   *
   * @param urlPath what follows the version in the path
   */
  static List<Header> of(HttpHeaders headers, PredictionRoute route, String urlPath) {
    List<Header> list = new ArrayList<>(headers.size() + 2);
    Iterator<Map.Entry<CharSequence, CharSequence>> all = headers.iteratorCharSequence();
    while (all.hasNext()) {
      Map.Entry<CharSequence, CharSequence> header = all.next();
      String name = header.getKey().toString();
      if (!isReserved(name)) {
        list.add(new Header(name, header.getValue().toString()));
      }
    }
    if (route.explainHeader()) {
      list.add(new Header("explain", route.kind() == RequestKind.EXPLAIN ? "True" : "False"));
    }
    if (route.urlPathHeader()) {
      list.add(new Header("url_path", urlPath));
    }
    return list;
  }

  /** Compares by length first: this runs for every header of every request. */
  private static boolean isReserved(String name) {
    return switch (name.length()) {
      case 7 -> name.equalsIgnoreCase("explain");
      case 8 -> name.equalsIgnoreCase("describe") || name.equalsIgnoreCase("url_path");
      default -> false;
    };
  }
}
