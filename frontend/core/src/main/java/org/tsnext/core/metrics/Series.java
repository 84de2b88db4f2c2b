package org.tsnext.core.metrics;

/** The values of one metric for one combination of labels, as whoever reads them sees them. */
public sealed interface Series permits SingleValue, Histogram {}
