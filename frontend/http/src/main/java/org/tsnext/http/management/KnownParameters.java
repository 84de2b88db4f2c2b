package org.tsnext.http.management;

import io.netty.handler.codec.http.HttpMethod;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import org.tsnext.api.Parameters;
import org.tsnext.archive.Spelling;
import org.tsnext.compatibility.Compatibility;
import org.tsnext.compatibility.Deviation;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;
import org.tsnext.http.routing.Operation;
import org.tsnext.http.routing.Operation.Parameter;
import org.tsnext.http.routing.Route;
import org.tsnext.http.routing.RouteHandler;

/**
 * The parameters of a management call: one that it does not have is an error, so that a typing
 * error has no silent effect.
 *
 * @param names those that the call has, and those that have no effect, as in TorchServe 0.12
 * @param shown those that the call has, in the order of its description
 * @param lenient whether others are ignored
 */
record KnownParameters(Set<String> names, List<String> shown, boolean lenient) {

  KnownParameters {
    names = Set.copyOf(names);
    shown = List.copyOf(shown);
  }

  /**
   * Those of an operation.
   *
   * @param ignored documented by TorchServe 0.12, without effect there as well
   */
  static KnownParameters of(Operation operation, Set<String> ignored, Compatibility compatibility) {
    List<String> shown = operation.query().stream().map(Parameter::name).toList();
    Set<String> names = new TreeSet<>(ignored);
    names.addAll(shown);
    return new KnownParameters(
        names, shown, compatibility.isOriginal(Deviation.UNKNOWN_PARAMETERS));
  }

  /** A route whose query may have no other parameters. */
  Route route(HttpMethod method, String template, RouteHandler handler, Operation operation) {
    return route(List.of(method), template, handler, operation);
  }

  /** The same for several methods. */
  Route route(
      List<HttpMethod> methods, String template, RouteHandler handler, Operation operation) {
    return Route.of(
        methods,
        template,
        request -> {
          check(request.query().asMap().keySet());
          handler.handle(request);
        },
        operation);
  }

  /**
   * Checks the names that a request has.
   *
   * @throws ServingException BAD_REQUEST that names the first unknown one, and the nearest
   */
  void check(Collection<String> given) {
    if (!lenient) {
      given.stream().filter(name -> !names.contains(name)).findFirst().ifPresent(this::refuse);
    }
  }

  /**
   * Checks the names of a form, which may be no form: {@code curl -d} calls everything one.
   *
   * @throws ServingException as {@link #check}
   */
  void checkForm(Collection<String> given) {
    if (!lenient && given.stream().anyMatch(name -> name.stripLeading().startsWith("{"))) {
      throw new ServingException(
              ErrorKind.BAD_REQUEST,
              "The request body is JSON, and its content type says that it is a form: send it with"
                  + " content-type: application/json.")
          .withDeviation(Deviation.UNKNOWN_PARAMETERS);
    }
    check(given);
  }

  private void refuse(String name) {
    String expected = shown.isEmpty() ? "no parameters" : String.join(", ", shown);
    String hint =
        nearest(name)
            .map(near -> "did you mean " + near + "?")
            .orElse("expected " + expected + ".");
    throw new ServingException(
            ErrorKind.BAD_REQUEST, "Unknown parameter " + Parameters.shown(name) + ": " + hint)
        .withDeviation(Deviation.UNKNOWN_PARAMETERS);
  }

  private Optional<String> nearest(String name) {
    String word = plain(name);
    return names.stream()
        .filter(known -> plain(known).equals(word))
        .min(Comparator.naturalOrder())
        .or(() -> Spelling.nearest(name, names));
  }

  /** {@code minWorker} and {@code min-worker} are {@code min_worker}. */
  private static String plain(String name) {
    return name.replace("_", "").replace("-", "").toLowerCase(Locale.ROOT);
  }
}
