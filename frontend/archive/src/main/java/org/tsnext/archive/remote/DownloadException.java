package org.tsnext.archive.remote;

import io.netty.handler.timeout.ReadTimeoutException;
import java.security.GeneralSecurityException;
import javax.net.ssl.SSLException;

/** A download that failed. The message is for the client, without secrets. */
final class DownloadException extends Exception {

  DownloadException(String message) {
    super(message);
  }

  DownloadException(String message, Throwable cause) {
    super(message, cause);
  }

  /** What went wrong on a connection, in words. */
  static DownloadException of(Throwable thrown) {
    Throwable innermost = thrown;
    boolean tls = false;
    for (Throwable each = thrown; each != null; each = each.getCause()) {
      if (each instanceof DownloadException known) {
        return known;
      }
      tls |= each instanceof SSLException || each instanceof GeneralSecurityException;
      innermost = each;
    }
    if (innermost instanceof ReadTimeoutException) {
      return new DownloadException(
          "the server was silent for longer than model_download_read_timeout allows", thrown);
    }
    String words =
        innermost.getMessage() == null
            ? innermost.getClass().getSimpleName()
            : innermost.getMessage();
    return new DownloadException(
        (tls ? "TLS failed: " : "the connection failed: ") + words, thrown);
  }
}
