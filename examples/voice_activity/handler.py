"""Streams where in a recording speech is."""

from __future__ import annotations

import io
import json
import wave
from typing import Any

import numpy as np
import torch
from ts.handler_utils.utils import send_intermediate_predict_response
from ts.torch_handler.base_handler import BaseHandler
from ts.utils.util import PredictionException

RATE = 16_000
CHUNK = 512  # samples; the model takes no other number at this rate
GROUP = 8  # chunks per line of the answer, about a quarter of a second
THRESHOLD = 0.5
MIN_RATE, MAX_RATE = 8_000, 192_000
MAX_SECONDS = 600


class VoiceActivityHandler(BaseHandler):
    """Takes a WAV file and answers JSON, one object per line, each as soon as it is known.

    Lines ``{"start": s, "end": s, "probability": p, "probabilities": [...]}`` come first: for a
    quarter of a second each, the highest probability of speech and those of its chunks. The last
    line is a summary: ``{"seconds": s, "speech_seconds": s, "segments": [{"start": s, "end":
    s}]}``. Times are in seconds.
    """

    def handle(self, data: Any, context: Any) -> list[str]:
        """Answer one request; the model remembers what it heard, so batches are not possible."""
        self.context = context
        if len(data) != 1:
            raise PredictionException(f"A batch of {len(data)}, expected batchSize: 1", 500)
        audio = read_wav(data[0].get("data") or data[0].get("body"))
        context.set_response_content_type(0, "application/x-ndjson")
        self.model.reset_states()
        chunks = audio.split(CHUNK)
        speech: list[float] = []
        for first in range(0, len(chunks), GROUP):
            probabilities = [self._probability(chunk) for chunk in chunks[first : first + GROUP]]
            speech += probabilities
            line = {
                "start": seconds_of(first),
                "end": seconds_of(first + len(probabilities)),
                "probability": max(probabilities),
                "probabilities": probabilities,
            }
            send_intermediate_predict_response(
                [json.dumps(line) + "\n"], context.request_ids, "speech", 200, context
            )
        return [json.dumps(summary_of(speech, len(audio))) + "\n"]

    def _probability(self, chunk: torch.Tensor) -> float:
        padded = torch.nn.functional.pad(chunk, (0, CHUNK - len(chunk)))
        with torch.inference_mode():
            return round(self.model(padded.unsqueeze(0).to(self.device), RATE).item(), 4)


def seconds_of(chunks: int) -> float:
    """Return how long a number of chunks lasts."""
    return round(chunks * CHUNK / RATE, 3)


def summary_of(probabilities: list[float], samples: int) -> dict[str, Any]:
    """Join chunks of speech to segments."""
    segments: list[dict[str, float]] = []
    for index, probability in enumerate(probabilities):
        if probability < THRESHOLD:
            continue
        start, end = seconds_of(index), seconds_of(index + 1)
        if segments and segments[-1]["end"] == start:
            segments[-1]["end"] = end
        else:
            segments.append({"start": start, "end": end})
    speech = sum(segment["end"] - segment["start"] for segment in segments)
    return {
        "seconds": round(samples / RATE, 3),
        "speech_seconds": round(speech, 3),
        "segments": segments,
    }


def read_wav(content: Any) -> torch.Tensor:
    """Return the samples of a WAV file, -1 to 1, as one channel of 16 kHz.

    Raises:
        PredictionException: 400, the bytes are not a WAV file that can be used.
    """
    if not isinstance(content, (bytes, bytearray)) or not content:
        raise PredictionException("The request has no body, expected a WAV file", 400)
    try:
        with wave.open(io.BytesIO(content)) as file:
            rate, channels, width = file.getframerate(), file.getnchannels(), file.getsampwidth()
            frames = file.getnframes()
            if not MIN_RATE <= rate <= MAX_RATE:
                raise PredictionException(
                    f"{rate} samples per second, expected {MIN_RATE} to {MAX_RATE}", 400
                )
            if width != 2:
                raise PredictionException(f"{8 * width} bits per sample, expected 16", 400)
            if frames > MAX_SECONDS * rate:
                raise PredictionException(
                    f"{frames / rate:.0f} seconds, expected at most {MAX_SECONDS}", 400
                )
            raw = file.readframes(frames)
    except (wave.Error, EOFError, ZeroDivisionError) as e:
        raise PredictionException(f"The body is not a WAV file with PCM samples: {e}", 400) from e
    usable = len(raw) - len(raw) % (2 * channels)
    samples = np.frombuffer(raw[:usable], dtype="<i2").reshape(-1, channels)
    if not len(samples):
        raise PredictionException("The WAV file has no samples", 400)
    audio = torch.from_numpy(samples.mean(axis=1, dtype=np.float32) / 32768)
    return audio if rate == RATE else resample(audio, rate)


def resample(audio: torch.Tensor, rate: int) -> torch.Tensor:
    """Return a sound of `rate` samples per second at 16 kHz.

    Good enough to find speech: a mean over what a sample covers, then a straight line between
    samples.
    """
    signal = audio.view(1, 1, -1)
    if rate > RATE:
        width = 2 * (rate // RATE // 2) + 1  # odd, so that nothing moves in time
        signal = torch.nn.functional.avg_pool1d(
            signal, width, stride=1, padding=width // 2, count_include_pad=False
        )
    size = max(1, round(len(audio) * RATE / rate))
    return torch.nn.functional.interpolate(signal, size=size, mode="linear").view(-1)
