from __future__ import annotations

from pathlib import Path

import pytest
from ts._cli.properties import parse_properties, read_properties


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("key=value", {"key": "value"}),
        ("key:value\nother value", {"key": "value", "other": "value"}),
        ("  key  =  value  ", {"key": "value  "}),
        ("key = = value", {"key": "= value"}),
        ("key", {"key": ""}),
        ("=value", {"": "value"}),
        ("# a=1\n! b=2\n  # c=3\nd=#4", {"d": "#4"}),
        ("a=1\r\nb=2\rc=3\n\n", {"a": "1", "b": "2", "c": "3"}),
        ("a=1\na=2", {"a": "2"}),
        ("a=one, \\\n   two, \\\r\n\tthree", {"a": "one, two, three"}),
        ("a=1\\\\\nb=2", {"a": "1\\", "b": "2"}),
        ("a=1\\\n# still a", {"a": "1# still a"}),
        ("a=1\\", {"a": "1"}),
        ("# a comment does not go on \\\na=1", {"a": "1"}),
        ("a\\ b\\:c\\=d=1", {"a b:c=d": "1"}),
        ("a=\\t\\n\\r\\f\\q\\u00e4\\u0041", {"a": "\t\n\r\fqäA"}),
        ("a=C:\\\\temp", {"a": "C:\\temp"}),
        (
            "vmargs=-Xmx4g -XX:+ExitOnOutOfMemoryError",
            {"vmargs": "-Xmx4g -XX:+ExitOnOutOfMemoryError"},
        ),
    ],
)
def test_reads_what_java_reads(text: str, expected: dict[str, str]) -> None:
    assert parse_properties(text) == expected


@pytest.mark.parametrize("text", ["a=\\u12", "a=\\u12g4", "a=\\u", "a=\\u+123"])
def test_malformed_escape_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match="escape"):
        parse_properties(text)


@pytest.mark.parametrize("cafe", [b"caf\xe9", b"caf\xc3\xa9", b"caf\\u00e9"])
def test_file_is_utf_8_or_else_iso_8859_1_and_its_values_are_trimmed(
    tmp_path: Path, cafe: bytes
) -> None:
    path = tmp_path / "config.properties"
    path.write_bytes(b"model_store = " + cafe + b" \nenable_model_api=true \n")

    assert read_properties(path) == {"model_store": "café", "enable_model_api": "true"}
