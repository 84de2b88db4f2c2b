/**
 * What can be followed of one request: its moments, and the trace that they become. Of a request
 * that nobody follows there is nothing here, and the core looks no further than for that. Knows no
 * library of traces; the server module has the adapter.
 */
package org.tsnext.core.tracing;
