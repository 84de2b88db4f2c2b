"""From a model's folder to the function that serves it. Private; see ``ts.model_loader``."""

from __future__ import annotations
