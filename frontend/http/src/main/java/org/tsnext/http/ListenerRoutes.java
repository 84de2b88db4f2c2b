package org.tsnext.http;

import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;
import org.tsnext.api.ModelOperations;
import org.tsnext.api.OpenInference;
import org.tsnext.core.access.Access;
import org.tsnext.core.access.HeaderPolicy;
import org.tsnext.core.inference.InferenceService;
import org.tsnext.core.model.ModelService;
import org.tsnext.core.time.Clock;
import org.tsnext.http.console.ConsoleRoutes;
import org.tsnext.http.console.PageRoutes;
import org.tsnext.http.inference.BodyConversions;
import org.tsnext.http.inference.InferenceRoutes;
import org.tsnext.http.inference.KServeRoutes;
import org.tsnext.http.inference.OpenAiRoutes;
import org.tsnext.http.inference.OpenInferenceRoutes;
import org.tsnext.http.inference.TrialRoutes;
import org.tsnext.http.inference.WorkflowRoutes;
import org.tsnext.http.jobs.JobRoutes;
import org.tsnext.http.jobs.JobSubmission;
import org.tsnext.http.management.ManagementRoutes;
import org.tsnext.http.management.TokenRoutes;
import org.tsnext.http.management.WorkflowManagementRoutes;
import org.tsnext.http.metrics.MetricsRoutes;
import org.tsnext.http.openapi.ApiDescriptionRoutes;
import org.tsnext.http.routing.LandingPage;
import org.tsnext.http.routing.Route;
import org.tsnext.http.routing.RouteTable;
import org.tsnext.http.settings.HttpSettings;
import org.tsnext.http.settings.ListenerRole;
import org.tsnext.http.settings.TokenSettings;
import org.tsnext.jobs.JobService;
import org.tsnext.jobs.job.JobTarget;
import org.tsnext.workflow.WorkflowService;

/** Puts the route table of a listener together from the roles it has. */
final class ListenerRoutes implements AutoCloseable {

  private final HttpSettings settings;
  private final InferenceService inference;
  private final ModelService models;
  private final WorkflowService workflows;
  private final Optional<JobService> jobs;
  private final MetricsSource metrics;
  private final Optional<ConsoleRoutes> console;
  private final Optional<PageRoutes> pages;

  ListenerRoutes(HttpSettings settings, HttpServices services, MetricsSource metrics, Clock clock) {
    this.settings = settings;
    this.inference = services.inference();
    this.models = services.models();
    this.workflows = services.workflows();
    this.jobs = services.jobs();
    this.metrics = metrics;
    this.console = services.console().map(source -> new ConsoleRoutes(source, facts(), clock));
    this.pages = services.console().map(source -> new PageRoutes(source.executor()));
  }

  private ConsoleRoutes.ServerFacts facts() {
    return new ConsoleRoutes.ServerFacts(
        settings.api().serverVersion(),
        settings.api().enableModelApi(),
        asksForToken(false).test(Access.INFERENCE),
        settings.addresses().inference().toString());
  }

  /** Where a browser is led that asks the listener for {@code /}. */
  Optional<LandingPage> landingPage(Set<ListenerRole> roles) {
    return pages
        .filter(there -> !roles.equals(EnumSet.of(ListenerRole.METRICS)))
        .map(
            there ->
                new LandingPage(
                    roles.contains(ListenerRole.MANAGEMENT) ? PageRoutes.CONSOLE : PageRoutes.API));
  }

  /** Ends the streams of consoles. */
  @Override
  public void close() {
    console.ifPresent(ConsoleRoutes::close);
  }

  RouteTable of(Set<ListenerRole> roles) {
    List<Route> routes = new ArrayList<>();
    boolean kserve = settings.addresses().kserve().isPresent();
    if (roles.contains(ListenerRole.INFERENCE) || roles.contains(ListenerRole.KSERVE)) {
      if (kserve) {
        routes.add(KServeRoutes.alive());
      }
      boolean openInference = settings.api().openInference().enabled();
      HeaderPolicy headers = HeaderPolicy.of(settings.access().tokens().isPresent());
      BodyConversions conversions =
          new BodyConversions(
              settings.api().openInference().conversions(), settings.bodies().maxRequestSize());
      routes.addAll(
          InferenceRoutes.of(
              inference,
              submission(JobTarget.MODEL),
              models,
              settings.api().startUpModels(),
              headers,
              new InferenceRoutes.V2Predictions(openInference, conversions),
              settings.api().errors()));
      routes.add(OpenAiRoutes.models(models));
      routes.addAll(OpenAiRoutes.requests(inference, models, headers, conversions));
      routes.add(WorkflowRoutes.of(workflows, submission(JobTarget.WORKFLOW), headers));
      jobs.ifPresent(service -> routes.addAll(JobRoutes.of(service, settings.api().errors())));
      if (openInference) {
        routes.addAll(
            OpenInferenceRoutes.of(new OpenInference(models), settings.api().serverVersion()));
      }
    }
    if (roles.contains(ListenerRole.KSERVE)) {
      routes.add(KServeRoutes.list(models));
    }
    if (roles.contains(ListenerRole.MANAGEMENT)) {
      routes.addAll(
          ManagementRoutes.of(
              new ModelOperations(
                  models, settings.api().enableModelApi(), settings.api().errors().compatibility()),
              models,
              inference,
              settings.api().serverVersion(),
              settings.api().errors().compatibility()));
      routes.addAll(
          WorkflowManagementRoutes.of(
              workflows, settings.api().enableModelApi(), settings.api().errors().compatibility()));
      settings
          .access()
          .tokens()
          .flatMap(TokenSettings::rotation)
          .ifPresent(
              rotation ->
                  routes.addAll(TokenRoutes.of(rotation, settings.api().errors().compatibility())));
      pages.ifPresent(there -> routes.addAll(there.console()));
      console.ifPresent(
          there -> {
            routes.addAll(there.routes());
            routes.addAll(
                TrialRoutes.of(PageRoutes.CONSOLE, inference, settings.access().tokens()));
          });
    }
    boolean alone = roles.equals(EnumSet.of(ListenerRole.METRICS));
    if (!alone) {
      pages.ifPresent(there -> routes.addAll(there.api()));
      routes.add(OpenAiRoutes.model(models, kserve, settings.api().errors()));
    }
    boolean combined = roles.size() > 1 && settings.addresses().metrics().isPresent();
    if (alone || combined) {
      routes.addAll(MetricsRoutes.of(metrics.metrics().registry(), metrics.renderer()));
    }
    return new RouteTable(
        ApiDescriptionRoutes.addedTo(
            routes,
            settings.api().serverVersion(),
            asksForToken(roles.contains(ListenerRole.KSERVE)),
            settings.api().errors().compatibility()));
  }

  private Optional<JobSubmission> submission(JobTarget target) {
    return jobs.map(service -> new JobSubmission(service, target, settings.api().errors()));
  }

  /**
   * What asks for a token.
   *
   * @param open whether the listener asks for none
   */
  Predicate<Access> asksForToken(boolean open) {
    return settings
        .access()
        .tokens()
        .filter(tokens -> !open)
        .<Predicate<Access>>map(tokens -> tokens::asksFor)
        .orElse(access -> false);
  }
}
