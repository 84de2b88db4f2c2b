"""The responses to requests for embeddings."""

from __future__ import annotations

import array
import base64
import sys
from collections.abc import Sequence
from typing import Any

from ts.openai._fields import wrong
from ts.openai._requests import EmbeddingRequest
from ts.openai._tokens import Embeddings


def embeddings_response(
    request: EmbeddingRequest, result: Embeddings | Sequence[Sequence[float]]
) -> dict[str, Any]:
    """Return the response for the vectors of a request's texts.

    Args:
        request: What was asked.
        result: A vector for each text, as lists, numpy arrays or rows of a tensor.

    Raises:
        OpenAIError: 400, the client wants vectors of another length.
        ValueError: There are more vectors than texts, or fewer.
    """
    embeddings = result if isinstance(result, Embeddings) else Embeddings(result)
    if len(embeddings.vectors) != len(request.texts):
        raise ValueError(
            f"{len(embeddings.vectors)} vectors for {len(request.texts)} texts, expected one each"
        )
    data = []
    for index, vector in enumerate(embeddings.vectors):
        if request.dimensions is not None and request.dimensions != len(vector):
            raise wrong("dimensions", request.dimensions, f"{len(vector)}, which the model has")
        data.append(
            {
                "object": "embedding",
                "index": index,
                "embedding": _encoded(vector, request.encoding),
            }
        )
    usage = {"prompt_tokens": embeddings.tokens, "total_tokens": embeddings.tokens}
    return {"object": "list", "data": data, "model": request.model, "usage": usage}


def _encoded(vector: Any, encoding: str) -> Any:
    numbers = vector.tolist() if hasattr(vector, "tolist") else list(vector)
    if encoding == "float":
        return numbers
    floats = array.array("f", numbers)
    if sys.byteorder == "big":
        floats.byteswap()
    return base64.b64encode(floats.tobytes()).decode("ascii")
