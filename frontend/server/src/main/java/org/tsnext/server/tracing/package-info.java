/** Traces by OpenTelemetry: where the core's seam meets the SDK. Loaded where traces are on. */
package org.tsnext.server.tracing;
