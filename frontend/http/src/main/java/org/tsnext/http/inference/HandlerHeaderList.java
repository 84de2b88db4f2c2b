package org.tsnext.http.inference;

import io.netty.handler.codec.http.HttpHeaders;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import org.tsnext.core.access.HeaderPolicy;
import org.tsnext.core.request.Header;
import org.tsnext.core.request.RequestKind;

/** The request headers as the handler of a model gets them. */
final class HandlerHeaderList {

  /** Over HTTP the route says it. */
  private static final String EXPLAIN = "explain";

  private HandlerHeaderList() {}

  /**
   * The client's headers as it spelled them, without the names that only the server may say,
   * followed by those that the route adds.
   *
   * @param policy of the listener
   * @param urlPath what follows the version in the path
   */
  static List<Header> of(
      HttpHeaders headers, HeaderPolicy policy, PredictionRoute route, String urlPath) {
    List<Header> list = new ArrayList<>(headers.size() + 2);
    Iterator<Map.Entry<CharSequence, CharSequence>> all = headers.iteratorCharSequence();
    while (all.hasNext()) {
      Map.Entry<CharSequence, CharSequence> header = all.next();
      String name = header.getKey().toString();
      if (policy.passes(name) && !name.equalsIgnoreCase(EXPLAIN)) {
        list.add(new Header(name, header.getValue().toString()));
      }
    }
    if (route.explainHeader()) {
      list.add(new Header(EXPLAIN, route.kind() == RequestKind.EXPLAIN ? "True" : "False"));
    }
    if (route.urlPathHeader()) {
      list.add(new Header("url_path", urlPath));
    }
    return list;
  }
}
