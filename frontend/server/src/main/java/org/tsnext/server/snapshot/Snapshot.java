package org.tsnext.server.snapshot;

import java.time.Instant;
import java.util.List;
import java.util.Objects;
import java.util.Optional;

/**
 * The registered models at one moment.
 *
 * @param name of the file it was written to; empty if a person wrote it
 * @param created when it was saved, if it says so
 */
public record Snapshot(String name, Optional<Instant> created, List<SavedModel> models) {

  public Snapshot {
    Objects.requireNonNull(name, "name");
    Objects.requireNonNull(created, "created");
    models = List.copyOf(models);
  }
}
