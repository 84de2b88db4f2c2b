package org.tsnext.core.request;

import io.netty.buffer.ByteBuf;
import java.util.Objects;

/**
 * One named input of a request.
 *
 * @param contentType media type without parameters, or an empty string
 * @param value owned by the request, which releases it
 */
public record InputPart(String name, String contentType, ByteBuf value) {

  public InputPart {
    Objects.requireNonNull(name, "name");
    Objects.requireNonNull(contentType, "contentType");
    Objects.requireNonNull(value, "value");
  }
}
