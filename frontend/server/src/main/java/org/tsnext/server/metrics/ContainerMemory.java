package org.tsnext.server.metrics;

import java.io.IOException;
import java.nio.file.Path;
import java.util.OptionalLong;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tsnext.core.model.LoadMemory;

/**
 * The free memory of the container, by its control groups, or of the machine where that has less.
 */
public final class ContainerMemory implements LoadMemory.FreeMemory {
  private static final Logger LOGGER = LoggerFactory.getLogger(ContainerMemory.class);

  private final HostMemory memory;

  /**
   * @param root the folder {@code /}
   */
  public ContainerMemory(Path root) {
    Path proc = root.resolve("proc");
    this.memory = new HostMemory(proc, new MemoryGroup(proc, root.resolve("sys/fs/cgroup")));
  }

  @Override
  public OptionalLong bytes() {
    try {
      return OptionalLong.of(memory.available());
    } catch (IOException e) {
      LOGGER.debug("The free memory is not known", e);
      return OptionalLong.empty();
    }
  }
}
