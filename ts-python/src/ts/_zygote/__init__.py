"""Starts workers: ``init``, which owns every process, and the zygote, which forks them.

``init.py`` is the script that the frontend runs; ``docs/worker-protocol.md`` tells what the two
say to each other. Nothing here imports torch but the zygote itself, and nothing ever runs a torch
operation: one parallel operation before a fork makes the child hang.
"""

from __future__ import annotations
