/** {@code /metrics}: what was measured, in the text format of Prometheus. */
package org.tsnext.http.metrics;
