"""JSON for metrics."""

from __future__ import annotations

import json
from typing import Any

from ts.metrics.dimension import Dimension
from ts.metrics.metric import Metric


class MetricEncoder(json.JSONEncoder):
    """Writes `Metric` and `Dimension` as objects."""

    def default(self, obj: Any) -> Any:
        """Return a dict for metrics and dimensions; refuse anything else as usual."""
        if isinstance(obj, (Metric, Dimension)):
            return obj.to_dict()
        return super().default(obj)
