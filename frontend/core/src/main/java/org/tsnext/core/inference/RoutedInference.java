package org.tsnext.core.inference;

import java.util.Objects;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.request.InferenceRequest;
import org.tsnext.core.request.ResponseSink;

/** The door for inference: sends each request to the dispatcher of its model version. */
public final class RoutedInference implements InferenceService {

  /** Of a request that ended before it began. */
  private static final InferenceCall ENDED = () -> {};

  private final ModelRouter router;

  public RoutedInference(ModelRouter router) {
    this.router = Objects.requireNonNull(router, "router");
  }

  @Override
  public InferenceCall submit(InferenceRequest request, ResponseSink sink) {
    VersionDispatcher dispatcher;
    try {
      dispatcher = router.route(request.modelName(), request.version());
    } catch (ServingException e) {
      request.release();
      sink.fail(e);
      return ENDED;
    }
    return dispatcher.submit(request, sink);
  }
}
