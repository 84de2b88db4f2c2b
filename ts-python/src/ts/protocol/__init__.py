"""The message format of TorchServe 0.12, which tests of handlers import."""

from __future__ import annotations
