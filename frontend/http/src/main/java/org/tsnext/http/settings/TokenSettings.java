package org.tsnext.http.settings;

import java.util.EnumSet;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import org.tsnext.core.access.Access;
import org.tsnext.core.access.AccessTokens;
import org.tsnext.core.access.TokenRotation;

/**
 * How tokens are checked.
 *
 * @param tokens that are valid
 * @param rotation replaces them, for {@code /token}; empty if none can be replaced
 * @param open what needs no token; {@link Access#PAGE} never does
 * @param failuresAs400 whether 400 is answered instead of 401 and 403, as TorchServe 0.12 did
 */
public record TokenSettings(
    AccessTokens tokens,
    Optional<TokenRotation> rotation,
    Set<Access> open,
    boolean failuresAs400) {

  public TokenSettings {
    Objects.requireNonNull(tokens, "tokens");
    Objects.requireNonNull(rotation, "rotation");
    // A browser gets a page before someone can type a token into it.
    Set<Access> withPages = EnumSet.of(Access.PAGE);
    withPages.addAll(open);
    open = Set.copyOf(withPages);
  }

  /** Whether what has that access needs a token. */
  public boolean asksFor(Access access) {
    return !open.contains(access);
  }
}
