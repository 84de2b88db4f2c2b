package org.tsnext.archive;

/**
 * How much an archive may unpack to. All of them are checked against what is really read and
 * written, never against what the archive says of itself.
 *
 * @param maxTotalBytes bytes of all files together
 * @param maxEntries files and folders, those that are only implied by a path included
 * @param maxNameBytes bytes of one entry's full name, as UTF-8
 * @param maxRatio how many times larger than the archive file the unpacked files may be
 * @param ratioFloorBytes below this many bytes the ratio is not looked at, since small files of
 *     zeros are common
 */
public record UnpackLimits(
    long maxTotalBytes, int maxEntries, int maxNameBytes, int maxRatio, long ratioFloorBytes) {

  private static final long GIBIBYTE = 1L << 30;

  public UnpackLimits {
    requirePositive("maxTotalBytes", maxTotalBytes);
    requirePositive("maxEntries", maxEntries);
    requirePositive("maxNameBytes", maxNameBytes);
    requirePositive("maxRatio", maxRatio);
    if (ratioFloorBytes < 0) {
      throw new IllegalArgumentException(
          "ratioFloorBytes is " + ratioFloorBytes + ", expected 0 or more");
    }
  }

  /** 32 GiB, 100,000 entries, names of 1,024 bytes, 250 to 1 beyond 256 MiB. */
  public static UnpackLimits defaults() {
    return new UnpackLimits(32 * GIBIBYTE, 100_000, 1024, 250, GIBIBYTE / 4);
  }

  /** The same limits with another total. */
  public UnpackLimits withMaxTotalBytes(long bytes) {
    return new UnpackLimits(bytes, maxEntries, maxNameBytes, maxRatio, ratioFloorBytes);
  }

  private static void requirePositive(String name, long value) {
    if (value <= 0) {
      throw new IllegalArgumentException(name + " is " + value + ", expected more than 0");
    }
  }
}
