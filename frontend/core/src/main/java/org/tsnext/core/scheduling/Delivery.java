package org.tsnext.core.scheduling;

/** What became of the response to an item. */
public enum Delivery {
  /** Its body goes to the request, by an effect. */
  DELIVERED,
  /** The request has ended before; the body is the caller's. */
  DROPPED,
  /** There is no such open item; the body is the caller's. */
  UNKNOWN
}
