package org.tsnext.archive;

import java.util.List;

/** Where models come from. Every call may block on disk; none is made on an event loop. */
public interface ModelSource {

  /**
   * Opens the model behind {@code url}: unpacks an archive into a private folder, or takes a
   * directory as it is.
   *
   * @param url a file or directory name in the model store; the operator's own words may also be a
   *     path
   * @param trusted whether the operator named it (at start-up) rather than a caller of the API
   * @throws ArchiveException with nothing left on disk
   */
  ModelArchive open(String url, boolean trusted) throws ArchiveException;

  /** Removes what {@link #open} made. Does nothing for a directory model. */
  void release(ModelArchive archive);

  /** Every model in the store, by name: what {@code load_models=all} loads. */
  List<String> list() throws ArchiveException;
}
