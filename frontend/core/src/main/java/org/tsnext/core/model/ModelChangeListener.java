package org.tsnext.core.model;

/**
 * Hears that the registered models are not what they were: one was registered or unregistered, the
 * number of its workers was changed by an order, or another version became the default one. While
 * the server shuts down it hears nothing.
 */
@FunctionalInterface
public interface ModelChangeListener {

  /** For a core without a listener. */
  ModelChangeListener NONE = () -> {};

  /** Is called on the thread that made the change, so that it returns at once and never throws. */
  void modelsChanged();
}
