/** What every gRPC call has in common, whatever its service: ids, deadlines, errors. */
package org.tsnext.grpc.call;
