package org.tsnext.archive;

import java.util.List;

/**
 * Where models come from. Every call may block on disk or network; none is made on an event loop.
 */
public interface ModelSource {

  /**
   * Opens the model at {@code location}: fetches it if need be, unpacks an archive into a private
   * folder, or takes a directory as it is.
   *
   * @throws ArchiveException with nothing left on disk
   */
  ModelArchive open(ModelLocation location) throws ArchiveException;

  /** Removes what {@link #open} made. Does nothing for a directory model. */
  void release(ModelArchive archive);

  /** Every model in the store, by name: what {@code load_models=all} loads. */
  List<String> list() throws ArchiveException;
}
