package org.tsnext.http.inference;

import java.util.List;
import org.tsnext.core.request.InputPart;
import org.tsnext.http.routing.RoutedRequest;

/** Says what a request asks: a model, or a workflow. Any thread. */
@FunctionalInterface
interface ModelChoice {

  /**
   * The name.
   *
   * @param parts the inputs, one of which may hold it
   * @throws org.tsnext.core.error.ServingException BAD_REQUEST if the request names none
   */
  String of(RoutedRequest routed, List<InputPart> parts);
}
