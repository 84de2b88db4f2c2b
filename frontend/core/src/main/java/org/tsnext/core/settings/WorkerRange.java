package org.tsnext.core.settings;

/**
 * How many workers a model version should have: {@code minWorkers} to {@code maxWorkers}. It is not
 * checked here, since snapshots and descriptions repeat what others wrote.
 */
public record WorkerRange(int min, int max) {}
