/**
 * One connection: decoding, the order of pipelined requests, and the exchange of one request for
 * one answer. Everything here is confined to the connection's event loop unless it says otherwise.
 */
package org.tsnext.http.connection;
