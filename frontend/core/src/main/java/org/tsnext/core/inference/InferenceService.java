package org.tsnext.core.inference;

import org.tsnext.core.request.InferenceRequest;
import org.tsnext.core.request.ResponseSink;

/** The one door for inference. Every transport comes through here. */
public interface InferenceService {

  /**
   * Takes a request over and answers it through {@code sink}, possibly before this call returns
   * (then with an error). Never throws and never blocks.
   *
   * @return a handle for a client that goes away
   */
  InferenceCall submit(InferenceRequest request, ResponseSink sink);

  /** A request that was submitted. */
  interface InferenceCall {

    /**
     * The client has gone: the request leaves the queue, or the worker is told. The sink is called
     * no more, except by a call that is under way on another thread. Does nothing once the request
     * has ended.
     */
    void cancel();
  }
}
