from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ts._cli.properties import parse_properties, read_properties

CASES = json.loads(
    (Path(__file__).resolve().parents[3] / "test" / "properties" / "cases.json").read_text("utf-8")
)


@pytest.mark.parametrize("case", CASES["read"], ids=lambda case: repr(case["text"]))
def test_reads_what_java_reads(case: dict[str, Any]) -> None:
    assert parse_properties(case["text"]) == case["values"]


@pytest.mark.parametrize("text", CASES["refused"])
def test_malformed_escape_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match="escape"):
        parse_properties(text)


@pytest.mark.parametrize(
    ("mark", "cafe"),
    [
        (b"", b"caf\xe9"),
        (b"", b"caf\xc3\xa9"),
        (b"", b"caf\\u00e9"),
        (b"\xef\xbb\xbf", b"caf\xc3\xa9"),
    ],
)
def test_file_is_utf_8_or_else_iso_8859_1_and_its_values_are_trimmed(
    tmp_path: Path, mark: bytes, cafe: bytes
) -> None:
    path = tmp_path / "config.properties"
    path.write_bytes(mark + b"model_store = " + cafe + b" \nenable_model_api=true \n")

    assert read_properties(path) == {"model_store": "café", "enable_model_api": "true"}
