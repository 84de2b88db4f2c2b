"""The functions of both workflows. Each is called with a list of one request, as handlers are."""

from __future__ import annotations

import io
import json
from typing import Any

from PIL import Image, ImageChops


def read(data: list[dict[str, Any]] | None, context: Any) -> list[Any] | None:
    """Take the image out of the client's request, and pass it on as it is."""
    if data is None:  # the call at load time
        return None
    return [row.get("data") or row.get("body") for row in data]


def move(data: list[dict[str, Any]] | None, context: Any) -> list[bytes] | None:
    """Move the image by a sixteenth of its width, as another writer might have placed it."""
    if data is None:
        return None
    moved = []
    for row in data:
        image = Image.open(io.BytesIO(row["body"]))
        buffer = io.BytesIO()
        ImageChops.offset(image, max(1, image.width // 16), 0).save(buffer, "PNG")
        moved.append(buffer.getvalue())
    return moved


def in_words(data: list[dict[str, Any]] | None, context: Any) -> list[str] | None:
    """Say in a sentence what the model answered."""
    if data is None:
        return None
    answers = [json.loads(row["body"]) for row in data]
    return [f"This is a {answer['class']}, by {answer['probability']:.0%}.\n" for answer in answers]


def vote(data: list[dict[str, Any]] | None, context: Any) -> list[dict[str, Any]] | None:
    """Add up what both models answered: `data` has an item for each, under its node's name."""
    if data is None:
        return None
    results = []
    for row in data:
        sums: dict[str, float] = {}
        for answer in (json.loads(row[node]) for node in ("as_it_is", "moved")):
            for digit, probability in answer["top"].items():
                sums[digit] = sums.get(digit, 0.0) + probability / 2
        best = max(sums, key=lambda digit: sums[digit])
        results.append({"class": best, "probability": round(sums[best], 4)})
    return results
