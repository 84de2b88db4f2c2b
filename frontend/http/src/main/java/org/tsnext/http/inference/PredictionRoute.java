package org.tsnext.http.inference;

import org.tsnext.core.request.RequestKind;

/**
 * How the prediction routes differ.
 *
 * @param kind what is asked of the handler
 * @param queryAsInputs whether query parameters become inputs, before those of the body
 * @param explainHeader whether the handler gets a header {@code explain}
 * @param urlPathHeader whether it gets a header {@code url_path}
 * @param tensors whether it is of the Open Inference Protocol (KServe v2), with binary data
 */
record PredictionRoute(
    RequestKind kind,
    boolean queryAsInputs,
    boolean explainHeader,
    boolean urlPathHeader,
    boolean tensors) {

  static final PredictionRoute PREDICTIONS =
      new PredictionRoute(RequestKind.PREDICT, false, true, true, false);
  static final PredictionRoute EXPLANATIONS =
      new PredictionRoute(RequestKind.EXPLAIN, false, true, true, false);
  static final PredictionRoute KSERVE_PREDICT =
      new PredictionRoute(RequestKind.PREDICT, false, true, false, false);
  static final PredictionRoute KSERVE_EXPLAIN =
      new PredictionRoute(RequestKind.EXPLAIN, false, true, false, false);
  static final PredictionRoute KSERVE_V2_PREDICT =
      new PredictionRoute(RequestKind.PREDICT, false, true, false, true);
  static final PredictionRoute KSERVE_V2_EXPLAIN =
      new PredictionRoute(RequestKind.EXPLAIN, false, true, false, true);
  static final PredictionRoute WORKFLOW =
      new PredictionRoute(RequestKind.PREDICT, false, false, false, false);
  static final PredictionRoute OPENAI =
      new PredictionRoute(RequestKind.PREDICT, false, false, true, false);
  static final PredictionRoute INVOCATIONS =
      new PredictionRoute(RequestKind.PREDICT, true, false, false, false);
}
