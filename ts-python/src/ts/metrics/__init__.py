"""Metrics that handlers emit through ``context.metrics``, and the collector of system metrics."""
