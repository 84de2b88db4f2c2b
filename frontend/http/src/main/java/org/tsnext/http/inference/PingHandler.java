package org.tsnext.http.inference;

import org.tsnext.api.HealthJson;
import org.tsnext.core.error.ErrorForm;
import org.tsnext.core.model.HealthReport;
import org.tsnext.core.model.ModelService;
import org.tsnext.http.response.Response;
import org.tsnext.http.routing.RouteHandler;
import org.tsnext.http.routing.RoutedRequest;

/** {@code /ping}: whether every model has its workers, and if not, which are short and why. */
final class PingHandler implements RouteHandler {

  private static final int HEALTHY = 200;
  private static final int UNHEALTHY = 500;

  private final ModelService models;
  private final ErrorForm form;

  /**
   * @param form whether an answer that something is wrong says why
   */
  PingHandler(ModelService models, ErrorForm form) {
    this.models = models;
    this.form = form;
  }

  @Override
  public void handle(RoutedRequest request) {
    HealthReport health = models.health();
    int status = health.healthy() ? HEALTHY : UNHEALTHY;
    request.exchange().send(Response.json(status, HealthJson.of(health, form)));
  }
}
