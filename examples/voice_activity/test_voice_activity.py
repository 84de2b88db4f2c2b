"""The voice activity example: the sample, the handler, the archive."""

from __future__ import annotations

import importlib.util
import io
import json
import wave
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from ts.utils.util import PredictionException

# Looked up, not imported: the package changes torch's threads and needs torchaudio.
pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("silero_vad") is None, reason="silero-vad is not installed"
)

HERE = Path(__file__).parent


@pytest.fixture
def module(load_example: Callable[[Path, str], ModuleType]) -> ModuleType:
    return load_example(HERE, "handler")


@pytest.fixture
def sound(load_example: Callable[[Path, str], ModuleType]) -> Any:
    return load_example(HERE, "make_sample").make_sample()


@pytest.fixture
def handler(
    module: ModuleType, load_example: Callable[[Path, str], ModuleType], new_context: Any
) -> Any:
    model = load_example(HERE, "build").find_model()
    context = new_context(model.parent)
    context.manifest = {"model": {"serializedFile": model.name}}
    loaded = module.VoiceActivityHandler()
    loaded.initialize(context)
    return loaded


def wav(sound: Any, rate: int = 16_000, channels: int = 1, width: int = 2) -> bytes:
    buffer = io.BytesIO()
    samples = (np.repeat(sound[:, None], channels, axis=1) * 32767).astype("<i2")
    with wave.open(buffer, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(samples.tobytes() if width == 2 else b"\x80" * len(sound))
    return buffer.getvalue()


def answer_of(handler: Any, new_context: Any, data: bytes) -> tuple[list[Any], dict[str, Any]]:
    context = new_context(HERE)
    (last,) = handler.handle([{"body": bytearray(data)}], context)
    assert context.content_types == {0: "application/x-ndjson"}
    lines = ["".join(chunk) for chunk in context.sent]
    assert all(line.endswith("\n") for line in [*lines, last])
    return [json.loads(line) for line in lines], json.loads(last)


def test_voice_is_found_where_it_is(handler: Any, new_context: Any, sound: Any) -> None:
    lines, summary = answer_of(handler, new_context, wav(sound))
    assert [line["start"] for line in lines[1:]] == [line["end"] for line in lines[:-1]]
    for line in lines:
        middle = (line["start"] + line["end"]) / 2
        if middle < 0.85 or 3.1 < middle < 3.6 or middle > 5.1:
            assert line["probability"] < 0.3, line
        elif 1.15 < middle < 2.6 or 3.95 < middle < 4.6:
            assert line["probability"] > 0.8, line
    assert summary["seconds"] == pytest.approx(len(sound) / 16_000, abs=0.001)
    first, second = summary["segments"]
    assert (first["start"], first["end"]) == pytest.approx((1.0, 2.76), abs=0.15)
    assert (second["start"], second["end"]) == pytest.approx((3.76, 4.76), abs=0.15)
    assert summary["speech_seconds"] == pytest.approx(2.8, abs=0.3)


def test_each_request_starts_afresh(handler: Any, new_context: Any, sound: Any) -> None:
    first = answer_of(handler, new_context, wav(sound))
    assert answer_of(handler, new_context, wav(sound)) == first


@pytest.mark.parametrize(("rate", "channels"), [(8_000, 1), (44_100, 2), (48_000, 1)])
def test_other_rates_and_channels_are_converted(
    handler: Any, new_context: Any, sound: Any, rate: int, channels: int
) -> None:
    positions = np.arange(int(len(sound) * rate / 16_000)) * 16_000 / rate
    other = np.interp(positions, np.arange(len(sound)), sound)
    _, summary = answer_of(handler, new_context, wav(other, rate, channels))
    assert len(summary["segments"]) >= 1
    assert summary["segments"][0]["start"] == pytest.approx(1.0, abs=0.2)
    assert summary["segments"][-1]["end"] == pytest.approx(4.76, abs=0.3)
    assert summary["seconds"] == pytest.approx(len(sound) / 16_000, abs=0.01)


def test_silence_has_no_speech(handler: Any, new_context: Any) -> None:
    lines, summary = answer_of(handler, new_context, wav(np.zeros(700)))
    assert len(lines) == 1  # two chunks, the second filled up
    assert summary == {"seconds": 0.044, "speech_seconds": 0, "segments": []}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "expected a WAV file"),
        (b"not a wave", "not a WAV file with PCM samples"),
        (wav(np.zeros(1000))[:20], "not a WAV file"),
        (wav(np.zeros(0)), "no samples"),
        (wav(np.zeros(10), width=1), "8 bits per sample, expected 16"),
        (wav(np.zeros(10), rate=4000), "4000 samples per second, expected 8000 to"),
        (wav(np.zeros(8000 * 601), rate=8000), "601 seconds, expected at most 600"),
    ],
)
def test_unusable_input_is_the_clients_mistake(
    module: ModuleType, data: bytes, message: str
) -> None:
    with pytest.raises(PredictionException, match=message) as caught:
        module.read_wav(data)
    assert caught.value.error_code == 400


def test_archive_holds_the_model(
    unpack_build: Callable[[Path], tuple[Path, dict[str, Any]]],
) -> None:
    folder, manifest = unpack_build(HERE)
    assert (folder / manifest["model"]["serializedFile"]).stat().st_size > 1_000_000
    with wave.open(str(HERE / "speech.wav")) as file:
        assert (file.getframerate(), file.getnchannels()) == (16_000, 1)
