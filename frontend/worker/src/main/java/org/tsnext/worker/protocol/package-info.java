/**
 * The wire format of docs/worker-protocol.md: frames, messages, their limits. No sockets, no
 * processes.
 */
package org.tsnext.worker.protocol;
