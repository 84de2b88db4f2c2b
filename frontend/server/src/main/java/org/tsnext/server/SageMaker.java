package org.tsnext.server;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What the environment of SageMaker's containers asks for. It opens nothing: that is done by
 * settings alone.
 *
 * @param manyModels whether SageMaker registers the models, over the management API
 */
record SageMaker(boolean manyModels) {
  private static final Logger LOGGER = LoggerFactory.getLogger(SageMaker.class);

  /** What versions of the toolkit name at each start, also where no such archive is made. */
  private static final String PLACEHOLDER = "model.mar";

  private static final double MEMORY_FACTOR = 1;

  static SageMaker of(Map<String, String> environment) {
    return new SageMaker("true".equals(environment.get("SAGEMAKER_MULTI_MODEL")));
  }

  /**
   * The models of the start without the toolkit's placeholder, if there is no such archive.
   *
   * @param words of {@code load_models}
   */
  List<String> withoutPlaceholder(List<String> words, Optional<Path> modelStore) {
    boolean missing =
        manyModels
            && words.contains(PLACEHOLDER)
            && !Files.exists(modelStore.orElse(Path.of("")).resolve(PLACEHOLDER))
            && !Files.exists(Path.of(PLACEHOLDER));
    if (!missing) {
      return words;
    }
    LOGGER.info(
        "There is no {}, and none is needed: SAGEMAKER_MULTI_MODEL is true, and SageMaker registers"
            + " the models",
        PLACEHOLDER);
    return words.stream().filter(word -> !word.equals(PLACEHOLDER)).toList();
  }

  /** What {@code model_memory_factor} is if it is not set: SageMaker unloads others at a 507. */
  double memoryFactor() {
    return manyModels ? MEMORY_FACTOR : 0;
  }
}
