package org.tsnext.core.access;

import java.util.EnumSet;
import java.util.Set;

/** What a route, or an rpc, asks of its callers where tokens are on. */
public enum Access {
  INFERENCE(EnumSet.of(KeyKind.INFERENCE)),
  MANAGEMENT(EnumSet.of(KeyKind.MANAGEMENT)),
  /** Replacing keys. */
  KEYS(EnumSet.of(KeyKind.API)),
  /** Health, for probes that have no key. Open unless the operator closes it. */
  PROBE(EnumSet.of(KeyKind.INFERENCE, KeyKind.MANAGEMENT)),
  /** What the API looks like. Open unless the operator closes it. */
  DESCRIPTION(EnumSet.of(KeyKind.INFERENCE, KeyKind.MANAGEMENT)),
  /** Figures. Open unless the operator closes it. */
  METRICS(EnumSet.of(KeyKind.INFERENCE, KeyKind.MANAGEMENT)),
  /** Paths and rpcs that do not exist: a client with any token may know that. */
  NOWHERE(EnumSet.of(KeyKind.INFERENCE, KeyKind.MANAGEMENT));

  @SuppressWarnings("ImmutableEnumChecker") // a copy that cannot be changed
  private final Set<KeyKind> keys;

  Access(Set<KeyKind> keys) {
    this.keys = Set.copyOf(keys);
  }

  /** The kinds of keys that open it; one of them is enough. */
  public Set<KeyKind> keys() {
    return keys;
  }

  /** Whether this is about the server rather than its models' answers. */
  public boolean managing() {
    return this == MANAGEMENT || this == KEYS;
  }
}
