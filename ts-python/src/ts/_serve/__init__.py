"""A server from Python, for tests and notebooks: `ts.serve`."""

from __future__ import annotations
