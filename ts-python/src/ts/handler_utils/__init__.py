"""What handlers use beside the context: streaming, timing, batching, text and more."""

from __future__ import annotations
