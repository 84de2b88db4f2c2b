package org.tsnext.core.scheduling;

/** All requests that were admitted and have no end yet. No operation of it allocates. */
final class LiveRequests {

  private QueuedRequest newest;

  /** The one that was admitted last, or null; {@link QueuedRequest#older} leads to the others. */
  QueuedRequest newest() {
    return newest;
  }

  void add(QueuedRequest request) {
    request.live = true;
    request.older = newest;
    if (newest != null) {
      newest.newer = request;
    }
    newest = request;
  }

  /** Does nothing if it is not here. */
  void remove(QueuedRequest request) {
    if (!request.live) {
      return;
    }
    if (request.newer == null) {
      newest = request.older;
    } else {
      request.newer.older = request.older;
    }
    if (request.older != null) {
      request.older.newer = request.newer;
    }
    request.newer = null;
    request.older = null;
    request.live = false;
  }
}
