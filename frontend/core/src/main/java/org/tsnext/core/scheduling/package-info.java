/**
 * What becomes of the requests of one model version: pure decisions. Nothing here knows locks,
 * threads, a clock, buffers, sinks or processes; events come with the time, and what is to be done
 * is left in {@link org.tsnext.core.scheduling.Effects}.
 */
package org.tsnext.core.scheduling;
