/** Processes: {@code init}, the spawn request, and one worker as both of its sources tell it. */
package org.tsnext.worker.process;
