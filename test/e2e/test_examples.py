"""The examples through the running server, with what their READMEs promise."""

from __future__ import annotations

import http.client
import io
import json
import math
import re
import wave
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
import requests
from torchserve_process import REPOSITORY, ModelStore, TorchServe

EXAMPLES = REPOSITORY / "examples"
SAMPLE = EXAMPLES / "digits" / "sample"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TorchServe]:
    """One server with the three examples, started as their READMEs say."""
    pytest.importorskip("silero_vad")
    running = TorchServe(tmp_path_factory.mktemp("examples"), torch=True)
    names = ["digits", "voice_activity", "echo_stream"]
    for name in names:
        ModelStore.build_example(name, running.store.path / name).rename(
            running.store.path / f"{name}.mar"
        )
    running.start(*(f"{name}.mar" for name in names))
    for name in names:
        running.wait_ready(name)
    yield running
    running.stop()
    running.assert_nothing_left()


def chunks_of(server: TorchServe, model: str, body: bytes, headers: dict[str, str]) -> list[bytes]:
    """Return the HTTP chunks of an answer, one by one as they were sent."""
    connection = http.client.HTTPConnection("127.0.0.1", server.inference_port, timeout=60)
    try:
        connection.request("POST", f"/predictions/{model}", body, headers)
        response = connection.getresponse()
        assert response.status == 200
        assert response.getheader("transfer-encoding") == "chunked"
        chunks = []
        while True:
            size = int(response.fp.readline().split(b";")[0], 16)
            chunk = response.fp.read(size)
            response.fp.readline()
            if size == 0:
                return chunks
            chunks.append(chunk)
    finally:
        connection.close()


def readme_answer(example: str) -> Any:
    """Return the first JSON object of a README."""
    text = (EXAMPLES / example / "README.md").read_text(encoding="utf-8")
    match = re.search(r"^\{\n.*?^\}$", text, re.M | re.S)
    assert match
    return json.loads(match.group(0))


def test_digits_answer_is_the_one_of_the_readme(server: TorchServe) -> None:
    answer = server.predict("digits", data=(SAMPLE / "seven.png").read_bytes())
    assert answer.json() == readme_answer("digits")


@pytest.mark.parametrize(
    ("word", "digit"),
    [(word, str(i)) for i, word in enumerate("zero one two three four five six seven".split())]
    + [("eight", "8"), ("nine", "9")],
)
def test_every_sample_digit_is_known(server: TorchServe, word: str, digit: str) -> None:
    answer = server.predict("digits", data=(SAMPLE / f"{word}.png").read_bytes()).json()
    assert answer["class"] == digit


def test_digits_explain_the_class_asked_for(server: TorchServe) -> None:
    url = f"{server.inference}/explanations/digits"
    image = (SAMPLE / "seven.png").read_bytes()
    plain = requests.post(url, data=image, timeout=60).json()
    assert plain["class"] == "7"
    assert [len(row) for row in plain["attributions"]] == [8] * 8
    files = {"data": ("seven.png", image, "image/png"), "target": (None, "1")}
    other = requests.post(url, files=files, timeout=60).json()
    assert other["class"] == "1"
    assert other["attributions"] != plain["attributions"]


def test_digits_refuse_what_is_no_image(server: TorchServe) -> None:
    answer = server.predict("digits", data=b"no image")
    assert answer.status_code == 400
    assert "image" in answer.json()["message"]


def test_echo_sends_each_word_as_a_chunk(server: TorchServe) -> None:
    chunks = chunks_of(server, "echo_stream", b"one two three", {"Content-Type": "text/plain"})
    assert chunks == [b"one\n", b"two\n", b"three\n", b'{"words": 3, "characters": 13}\n']


def test_voice_activity_streams_a_line_per_quarter_second(server: TorchServe) -> None:
    # Made by the example's build.
    sound = (EXAMPLES / "voice_activity" / "speech.wav").read_bytes()
    with wave.open(io.BytesIO(sound)) as file:
        seconds = file.getnframes() / file.getframerate()
    chunks = chunks_of(server, "voice_activity", sound, {})
    *lines, summary = [json.loads(chunk) for chunk in chunks]
    assert len(lines) == math.ceil(math.ceil(seconds * 16_000 / 512) / 8)
    assert all(a["end"] == b["start"] for a, b in pairwise(lines))
    assert summary["seconds"] == pytest.approx(seconds, abs=0.001)
    assert summary["segments"]
    for segment in summary["segments"]:
        middle = (segment["start"] + segment["end"]) / 2
        (line,) = [line for line in lines if line["start"] <= middle < line["end"]]
        assert line["probability"] >= 0.5
    answer = server.predict("voice_activity", data=sound)
    assert answer.headers["content-type"] == "application/x-ndjson"
    assert answer.content == b"".join(chunks)


def test_voice_activity_refuses_what_is_no_recording(server: TorchServe) -> None:
    answer = server.predict("voice_activity", data=b"no recording")
    assert answer.status_code == 400
    assert "WAV" in answer.json()["message"]
