package org.tsnext.core.request;

import java.util.Locale;

/** How a request came; metrics tell them apart. */
public enum Protocol {
  HTTP,
  GRPC;

  /** The value of the label {@code protocol}. */
  public String label() {
    return name().toLowerCase(Locale.ROOT);
  }
}
