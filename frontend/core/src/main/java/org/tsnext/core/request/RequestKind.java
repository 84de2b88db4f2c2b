package org.tsnext.core.request;

/** What is asked of the handler. Batches never mix kinds. */
public enum RequestKind {
  PREDICT,
  EXPLAIN,
  /** Customized model metadata; always a batch of its own. */
  DESCRIBE
}
