package org.tsnext.core.worker;

/**
 * What a worker has to do.
 *
 * @param inFlight batches it has
 * @param window batches it may have at once
 */
public record WorkerLoad(int inFlight, int window) {}
