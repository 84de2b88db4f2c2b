/**
 * What HTTP and gRPC listeners have in common below their codecs: limits of HTTP/2 connections that
 * the codec does not have.
 */
package org.tsnext.transport.http2;
