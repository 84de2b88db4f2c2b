package org.tsnext.core.request;

import java.util.Objects;

/** A header as it was spelled. */
public record Header(String name, String value) {

  public Header {
    Objects.requireNonNull(name, "name");
    Objects.requireNonNull(value, "value");
  }
}
