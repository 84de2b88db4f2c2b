/**
 * What Python processes print: lines for the log, metrics, and the last lines of a process that
 * died.
 */
package org.tsnext.worker.output;
