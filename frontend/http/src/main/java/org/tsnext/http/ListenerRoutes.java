package org.tsnext.http;

import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.function.Predicate;
import org.tsnext.api.OpenInference;
import org.tsnext.core.access.Access;
import org.tsnext.core.access.HeaderPolicy;
import org.tsnext.core.inference.InferenceService;
import org.tsnext.core.model.ModelService;
import org.tsnext.http.inference.InferenceRoutes;
import org.tsnext.http.inference.OpenInferenceRoutes;
import org.tsnext.http.management.ManagementRoutes;
import org.tsnext.http.management.TokenRoutes;
import org.tsnext.http.metrics.MetricsRoutes;
import org.tsnext.http.openapi.ApiDescriptionRoutes;
import org.tsnext.http.routing.Route;
import org.tsnext.http.routing.RouteTable;
import org.tsnext.http.settings.HttpSettings;
import org.tsnext.http.settings.ListenerRole;
import org.tsnext.http.settings.TokenSettings;

/** Puts the route table of a listener together from the roles it has. */
final class ListenerRoutes {

  private final HttpSettings settings;
  private final InferenceService inference;
  private final ModelService models;
  private final MetricsSource metrics;

  ListenerRoutes(
      HttpSettings settings,
      InferenceService inference,
      ModelService models,
      MetricsSource metrics) {
    this.settings = settings;
    this.inference = inference;
    this.models = models;
    this.metrics = metrics;
  }

  RouteTable of(Set<ListenerRole> roles) {
    List<Route> routes = new ArrayList<>();
    if (roles.contains(ListenerRole.INFERENCE)) {
      boolean openInference = settings.api().openInference();
      routes.addAll(
          InferenceRoutes.of(
              inference,
              models,
              settings.api().startUpModels(),
              HeaderPolicy.of(settings.access().tokens().isPresent()),
              openInference,
              settings.api().errorDetail()));
      if (openInference) {
        routes.addAll(
            OpenInferenceRoutes.of(new OpenInference(models), settings.api().serverVersion()));
      }
    }
    if (roles.contains(ListenerRole.MANAGEMENT)) {
      routes.addAll(
          ManagementRoutes.of(
              models, inference, settings.api().enableModelApi(), settings.api().serverVersion()));
      settings
          .access()
          .tokens()
          .flatMap(TokenSettings::rotation)
          .ifPresent(rotation -> routes.addAll(TokenRoutes.of(rotation)));
    }
    boolean alone = roles.equals(EnumSet.of(ListenerRole.METRICS));
    if (!alone) {
      routes.add(InferenceRoutes.readiness(models));
    }
    boolean combined = roles.size() > 1 && settings.addresses().metrics().isPresent();
    if (alone || combined) {
      routes.addAll(MetricsRoutes.of(metrics.metrics().registry(), metrics.renderer()));
    }
    return new RouteTable(
        ApiDescriptionRoutes.addedTo(routes, settings.api().serverVersion(), asksForKey()));
  }

  private Predicate<Access> asksForKey() {
    return settings
        .access()
        .tokens()
        .<Predicate<Access>>map(tokens -> access -> !tokens.open().contains(access))
        .orElse(access -> false);
  }
}
