package org.tsnext.http.management;

import io.netty.buffer.ByteBuf;
import java.time.Duration;
import java.util.Optional;
import java.util.OptionalInt;
import org.tsnext.archive.Manifest;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.model.RegisterModel;
import org.tsnext.http.connection.Exchange;
import org.tsnext.http.request.FormParser;
import org.tsnext.http.request.MediaType;
import org.tsnext.http.routing.RoutedRequest;

/** Reads {@code POST /models}: query, JSON object or form. */
final class RegistrationReader {

  private RegistrationReader() {}

  /**
   * @throws ServingException BAD_REQUEST naming the parameter that is missing or wrong
   */
  static RegisterModel read(RoutedRequest request) {
    Parameters given = parameters(request);
    String url =
        given
            .text("url")
            .orElseThrow(
                () -> new ServingException(ErrorKind.BAD_REQUEST, "Parameter url is required."));
    return new RegisterModel(
        url,
        given.text("model_name"),
        given.text("handler"),
        runtime(given),
        given.integerFrom("batch_size", 1),
        duration(given.integerFrom("max_batch_delay", 0), 1),
        given.integerFrom("initial_workers", 0),
        duration(given.integerFrom("response_timeout", 1), 1000),
        duration(given.integerFrom("startup_timeout", 1), 1000),
        given.flag("synchronous").orElse(true),
        given.flag("s3_sse_kms").orElse(false),
        false);
  }

  /** JSON replaces the query; a form says what the query does not. */
  private static Parameters parameters(RoutedRequest request) {
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

  private static Optional<String> runtime(Parameters given) {
    Optional<String> runtime = given.text("runtime");
    runtime
        .filter(name -> !Manifest.isRuntime(name))
        .ifPresent(
            name -> {
              throw new ServingException(
                  ErrorKind.BAD_REQUEST, "Invalid RuntimeType value: " + name);
            });
    return runtime;
  }

  private static Optional<Duration> duration(OptionalInt count, long unitMillis) {
    return count.isEmpty()
        ? Optional.empty()
        : Optional.of(Duration.ofMillis(count.getAsInt() * unitMillis));
  }
}
