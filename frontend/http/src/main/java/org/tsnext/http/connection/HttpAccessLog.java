package org.tsnext.http.connection;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One line per request, on the logger {@code ACCESS_LOG}: {@code <remote> "<METHOD> <uri>
 * <protocol>" <status> <milliseconds>}, and the ids of its trace if it has one. Values of query
 * parameters are left out, since they may be secrets such as signed addresses.
 */
public final class HttpAccessLog {

  /** Status of a request whose client went away before the answer was complete. */
  static final int CLIENT_GONE = 499;

  private static final Logger LOG = LoggerFactory.getLogger("ACCESS_LOG");

  void log(String remote, Exchange exchange, int status, long millis) {
    if (!LOG.isInfoEnabled()) {
      return;
    }
    StringBuilder line = new StringBuilder(128);
    line.append(remote).append(" \"");
    appendClean(line, exchange.method().name());
    line.append(' ');
    appendRedacted(line, exchange.rawTarget());
    line.append(' ').append(exchange.protocol()).append("\" ");
    line.append(status).append(' ').append(millis);
    exchange.appendTrace(line);
    LOG.info(line.toString());
  }

  private static void appendRedacted(StringBuilder line, String target) {
    int query = target.indexOf('?');
    if (query < 0) {
      appendClean(line, target);
      return;
    }
    appendClean(line, target.substring(0, query));
    char separator = '?';
    for (String parameter : target.substring(query + 1).split("[&;]", -1)) {
      int equals = parameter.indexOf('=');
      line.append(separator);
      appendClean(line, equals < 0 ? parameter : parameter.substring(0, equals));
      separator = '&';
    }
  }

  /** Nothing a client sends can start a new line or end the quotes. */
  private static void appendClean(StringBuilder line, String text) {
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      line.append(c > ' ' && c < 0x7f && c != '"' ? c : '?');
    }
  }
}
