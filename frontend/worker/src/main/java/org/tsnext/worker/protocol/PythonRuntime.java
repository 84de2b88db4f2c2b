package org.tsnext.worker.protocol;

import java.time.Duration;
import java.util.Optional;

/**
 * What {@code init} reported about the Python that workers run on.
 *
 * @param python its version
 * @param torch version of torch, if it is installed
 * @param fork whether workers can be forked from the zygote
 * @param importTook how long the zygote's imports took
 */
public record PythonRuntime(
    String python, Optional<String> torch, boolean fork, Duration importTook) {}
