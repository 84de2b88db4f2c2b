"""Micro batching, timed steps and metrics, over the class that most handlers derive from."""

import torch
from ts.handler_utils.micro_batching import MicroBatching
from ts.handler_utils.timer import timed
from ts.metrics.dimension import Dimension
from ts.metrics.metric_type_enum import MetricTypes
from ts.torch_handler.base_handler import BaseHandler


class Doubler(BaseHandler):
    """Doubles numbers with a TorchScript model."""

    def __init__(self):
        super().__init__()
        self.handle = MicroBatching(self)

    def initialize(self, ctx):
        super().initialize(ctx)
        settings = ctx.model_yaml_config["micro_batching"]
        self.handle.micro_batch_size = settings["micro_batch_size"]
        self.handle.parallelism = settings["parallelism"]
        ctx.metrics.add_metric_to_cache("RowsSeen", "count", ["ModelName", "Kind"])

    @timed
    def preprocess(self, data):
        rows = [float(row.get("data") or row.get("body")) for row in data]
        metrics = self.context.metrics
        metrics.get_metric("RowsSeen").add_or_update(len(rows), ["doubler", "all"])
        metrics.add_counter("RowCount", len(rows), None, [Dimension("Kind", "number")])
        metrics.add_size("RowSize", 4.5, 0, "kB")
        metrics.add_percent("RowShare", 50)
        metrics.add_time("RowTime", 0.25, 0, "s")
        metrics.add_error("RowError", 1)
        metrics.add_metric("RowSpread", 2, unit="count", metric_type=MetricTypes.HISTOGRAM)
        return torch.tensor(rows).view(-1, 1)

    def postprocess(self, data):
        return [{"doubled": value, "slice": len(data)} for value in data.view(-1).tolist()]
