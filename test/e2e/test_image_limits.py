"""Images on a real server: the limit of pixels, and greys of more than 8 bits."""

from __future__ import annotations

import io
import shutil
import struct
import time
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from torchserve_process import TorchServe


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory, digits_archive: Path) -> Iterator[TorchServe]:
    models = '{"digits": {"1.0": {"marName": "digits.mar", "batchSize": 4, "maxBatchDelay": 300}}}'
    running = TorchServe(
        tmp_path_factory.mktemp("digits"),
        config={"max_image_pixels": "1000000", "models": models},
        torch=True,
    )
    shutil.copy(digits_archive, running.store.path)
    running.start("digits.mar")
    running.wait_ready("digits")
    yield running
    running.stop()
    running.assert_nothing_left()


def black(width: int, height: int) -> bytes:
    """A PNG of one bit per pixel."""

    def chunk(name: bytes, data: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(name + data))
        return struct.pack(">I", len(data)) + name + data + checksum

    rows = zlib.compress(b"\0" * (height * (1 + (width + 7) // 8)), 9)
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    parts = (chunk(b"IHDR", header), chunk(b"IDAT", rows), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def test_large_images_cost_nothing_and_fail_alone(digits: TorchServe, seven: bytes) -> None:
    large = black(13_000, 13_000)
    assert len(large) < 25_000
    started = time.monotonic()
    with ThreadPoolExecutor(4) as pool:
        bodies = [seven, large, black(1_001, 1_000), b"no image"]
        answers = list(pool.map(lambda body: digits.predict("digits", data=body), bodies))
    assert time.monotonic() - started < 30
    assert answers[0].status_code == 200, answers[0].text
    assert answers[0].json()["class"] == "7"
    for answer in answers[1:]:
        error = answer.json()
        assert (answer.status_code, error["type"]) == (400, "BadRequestException"), answer.text
        assert "0x" not in answer.text
    for answer in answers[1:3]:
        assert "max_image_pixels" in answer.json()["message"]


@pytest.mark.parametrize("mode", ["16 bits", "32 bits", "float"])
def test_grey_of_more_than_8_bits_is_the_same_digit(
    digits: TorchServe, seven: bytes, mode: str
) -> None:
    grey = np.array(Image.open(io.BytesIO(seven)).convert("L"))
    values = {
        "16 bits": grey.astype(np.uint16) * 257,
        "32 bits": grey.astype(np.int32) * 257,
        "float": (grey / 255).astype(np.float32),
    }[mode]
    file = io.BytesIO()
    Image.fromarray(values).save(file, "TIFF")
    expected = digits.predict("digits", data=seven).json()
    assert digits.predict("digits", data=file.getvalue()).json() == expected
