"""The paths of the OpenAI API that handlers of this package serve."""

from __future__ import annotations

from typing import Any

CHAT = "v1/chat/completions"
COMPLETIONS = "v1/completions"
EMBEDDINGS = "v1/embeddings"


def path_of(context: Any, index: int) -> str:
    """Return the path of a request, as one of the constants above; empty for a prediction."""
    return str(context.get_request_header(index, "url_path") or "").strip("/")
