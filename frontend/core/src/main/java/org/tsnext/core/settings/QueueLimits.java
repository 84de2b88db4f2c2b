package org.tsnext.core.settings;

/**
 * When a request is accepted.
 *
 * @param capacity requests that may wait
 * @param useJobTicket whether a request is accepted only while a worker is idle
 */
public record QueueLimits(int capacity, boolean useJobTicket) {}
