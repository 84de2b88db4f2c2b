/**
 * Processes: {@code init}, how it is told to start a worker, and one worker as both of its sources
 * tell it.
 */
package org.tsnext.worker.process;
