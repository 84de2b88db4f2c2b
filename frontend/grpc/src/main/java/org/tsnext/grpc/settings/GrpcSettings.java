package org.tsnext.grpc.settings;

import java.util.Objects;
import org.tsnext.core.error.ErrorForm;
import org.tsnext.core.model.SequenceHeaders;

/**
 * Everything the gRPC transport can be told.
 *
 * @param errors how errors look
 * @param reflection whether clients may ask what there is to call
 * @param sequences names of the request headers by which handlers know sequences
 */
public record GrpcSettings(
    Addresses addresses,
    GrpcLimits limits,
    GrpcAccess access,
    ErrorForm errors,
    boolean reflection,
    SequenceHeaders sequences,
    ServiceSettings services) {

  /** Where it listens. */
  public record Addresses(GrpcAddress inference, GrpcAddress management) {

    public Addresses {
      Objects.requireNonNull(inference, "inference");
      Objects.requireNonNull(management, "management");
    }
  }

  public GrpcSettings {
    Objects.requireNonNull(addresses, "addresses");
    Objects.requireNonNull(limits, "limits");
    Objects.requireNonNull(access, "access");
    Objects.requireNonNull(errors, "errors");
    Objects.requireNonNull(sequences, "sequences");
    Objects.requireNonNull(services, "services");
  }
}
