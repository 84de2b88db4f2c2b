package org.tsnext.grpc.settings;

import java.util.Objects;
import java.util.Optional;
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

  /**
   * Where it listens.
   *
   * @param kserve where the Open Inference Protocol is spoken without tokens and TLS; empty if
   *     KServe is not served
   */
  public record Addresses(
      GrpcAddress inference, GrpcAddress management, Optional<GrpcAddress> kserve) {

    public Addresses {
      Objects.requireNonNull(inference, "inference");
      Objects.requireNonNull(management, "management");
      Objects.requireNonNull(kserve, "kserve");
    }

    /** Without one for KServe. */
    public Addresses(GrpcAddress inference, GrpcAddress management) {
      this(inference, management, Optional.empty());
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
