package org.tsnext.grpc.call;

/** A message of a client that holds buffers. */
public interface CallMessage {

  /** Gives them back; the handler of the call does it, unless none came to see the message. */
  void release();
}
