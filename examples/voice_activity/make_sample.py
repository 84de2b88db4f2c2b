"""Makes a sound with a voice in it: ``python make_sample.py FILE.wav``.

Silence, eight syllables, silence, four syllables, silence; 16 kHz, mono, about 5 seconds. The
syllables are vowels: pulses of a voice's pitch, sent through the resonances (formants) of a mouth.
"""

from __future__ import annotations

import sys
import wave
from pathlib import Path

import numpy as np
import numpy.typing as npt

RATE = 16_000
SPOKEN = ((1.0, 2.76), (3.76, 4.76))  # seconds between which there is a voice

Sound = npt.NDArray[np.float64]

# Frequencies of the first three formants, in Hz, and their bandwidths.
_FORMANTS = {
    "a": (730, 1090, 2440),
    "e": (530, 1840, 2480),
    "i": (270, 2290, 3010),
    "o": (570, 840, 2410),
    "u": (300, 870, 2240),
}
_BANDWIDTHS = (80, 100, 140)
_PAUSE = 0.06
_ATTACK, _RELEASE = 0.03, 0.05


def make_sample() -> Sound:
    """Return the sound, with values -1 to 1; always the same one."""
    rng = np.random.default_rng(7)
    return np.concatenate(
        [
            _silence(1.0, rng),
            *(_syllable(vowel, 0.16, 125, rng) for vowel in "aeioaueo"),
            _silence(1.0, rng),
            *(_syllable(vowel, 0.19, 140, rng) for vowel in "iaoe"),
            _silence(0.7, rng),
        ]
    )


def write_sample(path: Path) -> None:
    """Write the sound as a WAV file with 16 bits per sample."""
    samples = (make_sample() * 32767).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(samples.tobytes())


def _silence(seconds: float, rng: np.random.Generator) -> Sound:
    return 0.001 * rng.standard_normal(int(seconds * RATE))


def _syllable(vowel: str, seconds: float, pitch: float, rng: np.random.Generator) -> Sound:
    """Return a vowel of the given pitch in Hz, and a little breath after it."""
    count = int(seconds * RATE)
    time = np.arange(count) / RATE
    vibrato = 1 + 0.03 * np.sin(2 * np.pi * 5 * time)
    falling = 1.08 - 0.16 * time / seconds
    phase = np.cumsum(pitch * vibrato * falling) / RATE
    sound = np.diff(np.floor(phase), prepend=0.0) + 0.005 * rng.standard_normal(count)
    sound = _filter(sound, 1.0, 0.9, 0.0)
    for frequency, bandwidth in zip(_FORMANTS[vowel], _BANDWIDTHS, strict=True):
        radius = np.exp(-np.pi * bandwidth / RATE)
        first = 2 * radius * np.cos(2 * np.pi * frequency / RATE)
        second = -(radius**2)
        sound = _filter(sound, 1 - first - second, first, second)
    envelope = np.minimum(time / _ATTACK, (seconds - time) / _RELEASE).clip(0, 1)
    pause = int(_PAUSE * RATE)
    breath = 0.03 * rng.standard_normal(pause) * np.hanning(pause)
    return np.concatenate([0.5 * envelope * sound / np.abs(sound).max(), breath])


def _filter(sound: Sound, gain: float, first: float, second: float) -> Sound:
    """Return y with y[n] = gain x[n] + first y[n-1] + second y[n-2]."""
    result = np.empty_like(sound)
    one = two = 0.0
    for index, value in enumerate(sound):
        one, two = gain * value + first * one + second * two, one
        result[index] = one
    return result


if __name__ == "__main__":
    write_sample(Path(sys.argv[1]))
