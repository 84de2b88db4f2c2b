/** Where metrics come from: the file that declares them, the machine, and the worker processes. */
package org.tsnext.server.metrics;
