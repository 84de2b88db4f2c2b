package org.tsnext.compatibility;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Whether clients get the answers of TorchServe 0.12: the setting {@code compatibility}. What it
 * changes is said by the table of deviations, row by row; nothing else asks which of the two it is.
 */
public enum Compatibility {
  /** Our own answers. */
  NEXT("next"),
  /** The answers of TorchServe 0.12. */
  ORIGINAL("0.12");

  private final String setting;

  Compatibility(String setting) {
    this.setting = setting;
  }

  /** The value of the setting. */
  public String setting() {
    return setting;
  }

  /**
   * The one that a setting asks for.
   *
   * @throws IllegalArgumentException if there is none of that name
   */
  public static Compatibility of(String setting) {
    return Arrays.stream(values())
        .filter(value -> value.setting.equals(setting))
        .findFirst()
        .orElseThrow(() -> new IllegalArgumentException(setting));
  }

  /**
   * Whether the row is answered as TorchServe 0.12 does.
   *
   * @throws IllegalArgumentException for a row that the table does not give to the switch
   */
  public boolean isOriginal(Deviation row) {
    if (!(row.switched() instanceof Switched.Row)) {
      throw new IllegalArgumentException(row + " is not switched by a row");
    }
    return this == ORIGINAL;
  }

  /** Values of settings, by name, for those that the operator has not set. */
  public Map<String, String> defaults() {
    Map<String, String> values = new TreeMap<>();
    if (this == ORIGINAL) {
      for (Deviation row : Deviation.values()) {
        if (row.switched() instanceof Switched.Key key) {
          values.put(key.name(), key.value());
        }
      }
    }
    return values;
  }

  /** The rows by which more is reachable than without the switch. */
  public List<Deviation> openings() {
    return this == NEXT
        ? List.of()
        : Arrays.stream(Deviation.values())
            .filter(row -> row.switched() instanceof Switched.Key key && key.opens())
            .toList();
  }
}
