package org.tsnext.core.model;

import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalLong;
import org.tsnext.archive.FolderSize;
import org.tsnext.core.error.ErrorKind;
import org.tsnext.core.error.ServingException;
import org.tsnext.core.settings.VersionId;

/**
 * The memory for models that clients register. One that does not fit is refused before it is
 * loaded, so that a client can unregister others first, as SageMaker does. Models that are still
 * being loaded count with what they will take. Thread-safe.
 */
public final class LoadMemory {

  private static final double MIB = 1 << 20;

  private final double factor;
  private final FreeMemory freeMemory;
  private final Map<VersionId, Long> loading = new HashMap<>();

  /** Tells how much memory is free. */
  @FunctionalInterface
  public interface FreeMemory {

    /** Bytes that processes can still take; empty where that is not known. May read files. */
    OptionalLong bytes();
  }

  /**
   * Makes the check.
   *
   * @param factor memory of a worker for each byte of its model's folder; 0 for no check
   */
  public LoadMemory(double factor, FreeMemory freeMemory) {
    if (!(factor >= 0)) {
      throw new IllegalArgumentException("factor is " + factor + ", expected 0 or more.");
    }
    this.factor = factor;
    this.freeMemory = Objects.requireNonNull(freeMemory, "freeMemory");
  }

  /** No model is refused. */
  public static LoadMemory unchecked() {
    return new LoadMemory(0, OptionalLong::empty);
  }

  /**
   * Keeps memory for the workers of a version until {@link #loaded}. Reads the sizes of its files.
   *
   * @param folder of the model
   * @throws ServingException 507 if there is not enough
   */
  void claim(VersionSpec spec, Path folder) {
    int copies = copies(spec);
    if (factor == 0
        || copies == 0
        || spec.registration().origin().trusted()
        || spec.registration().origin().restored()) {
      return;
    }
    OptionalLong free = freeMemory.bytes();
    if (free.isEmpty()) {
      return;
    }
    // Beyond this it does not matter how large it is.
    long size = FolderSize.of(folder, (long) (free.getAsLong() / factor) + 1);
    claim(spec, free.getAsLong(), size, (long) Math.ceil(size * factor * copies));
  }

  private synchronized void claim(VersionSpec spec, long free, long size, long needed) {
    long others = loading.values().stream().mapToLong(Long::longValue).sum();
    if (needed > free - others) {
      throw new ServingException(
              ErrorKind.LOAD_OUT_OF_MEMORY,
              "Not enough memory to load model %s: its files have %s or more, and %s are free."
                  .formatted(spec.name(), shown(size), shown(Math.max(0, free - others))))
          .withDetail(
              "Needed is the size of its files times %d (workers) times %s (model_memory_factor)."
                      .formatted(copies(spec), factor)
                  + " Unregister other models first; model_memory_factor=0 loads it all the same.");
    }
    loading.put(spec.model().id(), needed);
  }

  /** The version has been loaded, or never will be: what it takes is no longer free memory. */
  synchronized void loaded(VersionId version) {
    loading.remove(version);
  }

  /** How often the model will be in memory: workers that are forks of a loaded one share it. */
  private static int copies(VersionSpec spec) {
    int workers = spec.settings().workers().min();
    return spec.settings().config().workers().preloadModel() ? Math.min(1, workers) : workers;
  }

  private static String shown(long bytes) {
    return "%.1f MiB".formatted(bytes / MIB);
  }
}
