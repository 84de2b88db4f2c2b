"""The settings of the engine."""

from __future__ import annotations

from typing import Any


class AsyncEngineArgs:
    """As vLLM makes them of its server's command line."""

    @staticmethod
    def from_cli_args(args: Any) -> Any:
        return args
