package org.tsnext.grpc.call;

import org.tsnext.core.inference.InferenceService.InferenceCall;

/** A way to cancel a request that may be asked for before the core has given one. Any thread. */
public final class RunningCall {

  private InferenceCall call;
  private boolean cancelled;

  /** The core has taken the request. */
  public void isNow(InferenceCall submitted) {
    synchronized (this) {
      call = submitted;
      if (!cancelled) {
        return;
      }
    }
    submitted.cancel();
  }

  /** The answer is not wanted any more. */
  public void cancel() {
    InferenceCall submitted;
    synchronized (this) {
      cancelled = true;
      submitted = call;
    }
    if (submitted != null) {
      submitted.cancel();
    }
  }
}
