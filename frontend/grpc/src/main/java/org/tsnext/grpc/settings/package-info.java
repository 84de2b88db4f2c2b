/** What the gRPC transport is told: addresses, limits, access. Values without behaviour. */
package org.tsnext.grpc.settings;
