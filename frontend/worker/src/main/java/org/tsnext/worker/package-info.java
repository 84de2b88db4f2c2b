/**
 * Worker processes: starting them, talking to them, and what they print. {@link WorkerRuntime} is
 * the front of all.
 */
package org.tsnext.worker;
