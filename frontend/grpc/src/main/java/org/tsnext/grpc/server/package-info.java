/** What lies below the services: listeners, connections, keys, the access log, the way down. */
package org.tsnext.grpc.server;
