package org.tsnext.core.metrics;

import java.util.List;
import java.util.Locale;

/** Default bounds of histogram buckets: what a value can sensibly be depends on its unit. */
final class Bounds {

  /** From half a millisecond to a minute, about three bounds a decade. */
  private static final List<Double> SECONDS =
      List.of(
          0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
          30.0, 60.0);

  private static final List<Double> PERCENT =
      List.of(1.0, 5.0, 10.0, 25.0, 50.0, 75.0, 90.0, 95.0, 99.0, 100.0);

  /** Counts, sizes, and units that are not known. */
  private static final List<Double> MAGNITUDES =
      List.of(1.0, 2.5, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1000.0, 10_000.0, 100_000.0);

  /** Sizes of batches are mostly powers of two. */
  private static final List<Double> REQUESTS =
      List.of(1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0);

  private static final List<Double> BYTES =
      List.of(
          256.0,
          1024.0,
          4096.0,
          16_384.0,
          65_536.0,
          262_144.0,
          1_048_576.0,
          4_194_304.0,
          16_777_216.0,
          67_108_864.0,
          268_435_456.0);

  private Bounds() {}

  /**
   * The bounds for a unit.
   *
   * @param unit in its long or short form, in any case: {@code Milliseconds} or {@code ms}
   */
  static List<Double> of(String unit) {
    return switch (unit.toLowerCase(Locale.ROOT)) {
      case "seconds", "s" -> SECONDS;
      case "milliseconds", "ms" -> scaled(1e3);
      case "microseconds", "us" -> scaled(1e6);
      case "percent" -> PERCENT;
      case "bytes", "b" -> BYTES;
      case "requests" -> REQUESTS;
      default -> MAGNITUDES;
    };
  }

  private static List<Double> scaled(double perSecond) {
    return SECONDS.stream().map(bound -> (double) Math.round(bound * perSecond * 10) / 10).toList();
  }
}
