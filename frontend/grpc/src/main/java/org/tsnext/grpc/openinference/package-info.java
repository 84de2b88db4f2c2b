/** The Open Inference Protocol (KServe v2): its service, and tensors to and from the JSON of it. */
package org.tsnext.grpc.openinference;
