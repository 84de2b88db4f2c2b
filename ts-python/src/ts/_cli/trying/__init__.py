"""What `torchserve try` and `torchserve dev` do. Private.

A model runs here in the worker's own code, ``ts._worker.main``: only the frontend is another one.
"""

from __future__ import annotations
