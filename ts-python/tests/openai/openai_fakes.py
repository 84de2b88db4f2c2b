"""What the tests of ts.openai share: contexts, and the events of a stream."""

from __future__ import annotations

import json
from typing import Any

CHAT = "v1/chat/completions"


class FakeRun:
    """The requests of one call, told apart by what they are."""

    def __init__(self, requests: list[object]) -> None:
        self.requests = requests


class FakeContext:
    """What a handler sees of the worker."""

    def __init__(self, *paths: str, requests: list[object] | None = None) -> None:
        self.paths = paths
        self.request_ids = {index: f"id{index}" for index in range(len(paths))}
        self.statuses: dict[int, int] = {}
        self.content_types: dict[int, str] = {}
        self.stopping_criteria: Any = None
        if requests is not None:
            self._handler_run = FakeRun(requests)

    def get_request_header(self, index: int, name: str) -> str | None:
        return self.paths[index] if name == "url_path" else None

    def get_request_id(self, index: int) -> str:
        return self.request_ids[index]

    def set_response_status(self, status: int, phrase: str, index: int) -> None:
        self.statuses[index] = status

    def set_response_content_type(self, index: int, value: str) -> None:
        self.content_types[index] = value


def events_of(text: str) -> list[Any]:
    """The data of the events of a stream; the last one is a text."""
    events = text.split("\n\n")
    assert events.pop() == ""
    assert all(event.startswith("data: ") for event in events), events
    data = [event.removeprefix("data: ") for event in events]
    return [json.loads(each) if each != "[DONE]" else each for each in data]


def chat_body(**more: Any) -> dict[str, Any]:
    return {"model": "m", "messages": [{"role": "user", "content": "hello"}], **more}
