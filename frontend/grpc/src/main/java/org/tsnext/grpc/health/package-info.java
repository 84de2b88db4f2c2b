/** The standard service {@code grpc.health.v1.Health}. */
package org.tsnext.grpc.health;
