package org.tsnext.http.connection;

import io.netty.handler.codec.http.HttpRequest;
import java.util.Iterator;
import java.util.Map;

/** What the head of a request takes of the memory, about. */
final class HeadSize {

  /** About what a header takes beside its characters. */
  private static final int HEADER_BYTES = 100;

  private HeadSize() {}

  static long of(HttpRequest head) {
    long bytes = head.uri().length();
    Iterator<Map.Entry<CharSequence, CharSequence>> headers = head.headers().iteratorCharSequence();
    while (headers.hasNext()) {
      Map.Entry<CharSequence, CharSequence> header = headers.next();
      bytes += HEADER_BYTES + header.getKey().length() + header.getValue().length();
    }
    return bytes;
  }
}
