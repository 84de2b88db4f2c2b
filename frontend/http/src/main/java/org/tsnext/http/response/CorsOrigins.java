package org.tsnext.http.response;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import org.tsnext.core.request.Header;
import org.tsnext.http.settings.CorsSettings;

/**
 * Chooses the {@code access-control-allow-origin} of an answer where several origins are allowed: a
 * browser takes one only. Immutable, any thread.
 */
public final class CorsOrigins {

  private static final String ALLOW_ORIGIN = "access-control-allow-origin";
  private static final Header VARY = new Header("vary", "Origin");

  private final Set<String> allowed;

  public CorsOrigins(CorsSettings settings) {
    this.allowed = Set.copyOf(settings.severalOrigins());
  }

  /** Whether the answer depends on who asks. */
  public boolean dependOnRequest() {
    return !allowed.isEmpty();
  }

  /**
   * The headers of an answer, with those for its origin.
   *
   * @param origin the request's, or null
   */
  public List<Header> addedTo(List<Header> headers, String origin) {
    List<Header> all = new ArrayList<>(headers);
    all.add(VARY);
    boolean chosenAlready =
        headers.stream().anyMatch(header -> header.name().equalsIgnoreCase(ALLOW_ORIGIN));
    if (!chosenAlready && origin != null && allowed.contains(origin.toLowerCase(Locale.ROOT))) {
      all.add(new Header(ALLOW_ORIGIN, origin));
    }
    return List.copyOf(all);
  }
}
