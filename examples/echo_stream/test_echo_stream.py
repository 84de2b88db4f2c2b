"""The echo example: the handler and the archive."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from ts.utils.util import PredictionException

HERE = Path(__file__).parent


@pytest.fixture
def handle(load_example: Callable[[Path, str], ModuleType]) -> Any:
    return load_example(HERE, "handler").handle


def test_words_come_one_at_a_time_and_a_summary_last(handle: Any, new_context: Any) -> None:
    context = new_context(HERE)
    (last,) = handle([{"body": bytearray("grüße aus Köln".encode())}], context)
    assert context.sent == [["grüße\n"], ["aus\n"], ["Köln\n"]]
    assert json.loads(last) == {"words": 3, "characters": 14}


def test_requests_of_a_batch_stream_side_by_side(handle: Any, new_context: Any) -> None:
    context = new_context(HERE, requests=3)
    answers = handle([{"body": "a b"}, {"data": b"c"}, {}], context)
    assert context.sent == [["a\n", "c\n", ""], ["b\n", "", ""]]
    assert [json.loads(answer)["words"] for answer in answers] == [2, 1, 0]


def test_initialisation_does_nothing(handle: Any, new_context: Any) -> None:
    assert handle(None, new_context(HERE)) is None


@pytest.mark.parametrize("body", [b"\xff", {"a": 1}])
def test_what_is_not_text_is_the_clients_mistake(handle: Any, new_context: Any, body: Any) -> None:
    with pytest.raises(PredictionException) as caught:
        handle([{"body": body}], new_context(HERE))
    assert caught.value.error_code == 400


def test_archive_has_the_handler(
    unpack_build: Callable[[Path], tuple[Path, dict[str, Any]]],
) -> None:
    folder, manifest = unpack_build(HERE)
    assert manifest["model"]["handler"] == "handler.py"
    assert sorted(p.name for p in folder.iterdir()) == [
        "MAR-INF",
        "handler.py",
        "model-config.yaml",
    ]
