/** The service of the management listener. */
package org.tsnext.grpc.management;
