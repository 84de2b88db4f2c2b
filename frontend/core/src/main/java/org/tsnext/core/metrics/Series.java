package org.tsnext.core.metrics;

/** The values of one metric for one combination of labels, as a reader sees them. */
public sealed interface Series permits SingleValue, Histogram {}
