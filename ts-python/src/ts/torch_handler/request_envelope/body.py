"""The envelope that takes the payload out of each row."""

from __future__ import annotations

from typing import Any

from ts.torch_handler.request_envelope.base import BaseEnvelope


class BodyEnvelope(BaseEnvelope):
    """Gives the handler a list of payloads: ``data`` or else ``body`` of each request."""

    def parse_input(self, data: Any) -> list[Any]:
        """Return the payload of each row."""
        return [row.get("data") or row.get("body") for row in data]

    def format_output(self, data: Any) -> Any:
        """Return `data`."""
        return data
