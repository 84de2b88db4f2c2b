"""Images of every mode, and images that cost more than they should."""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from handler_fakes import EAGER, FakeContext, image_bytes, write_eager
from PIL import Image
from ts._worker.failures import prediction_error
from ts.torch_handler._images import decode_image, imagenet_transform, tensor_transform, to_rgb
from ts.torch_handler.object_detector import ObjectDetector
from ts.torch_handler.vision_handler import VisionHandler
from ts.utils.util import PredictionException

RAMP = np.linspace(0, 1, 256).reshape(16, 16)
GREYS = np.arange(256, dtype=np.uint8).reshape(16, 16)


class Raw(VisionHandler):
    """Answers the pixels."""

    @staticmethod
    def image_processing(image: Any) -> torch.Tensor:
        return torch.tensor(np.array(to_rgb(image)))


@pytest.fixture
def pillow() -> Iterator[None]:
    """Pillow's limit, and what it does about it, are the process's: they are put back."""
    limit = Image.MAX_IMAGE_PIXELS
    with warnings.catch_warnings():
        yield
    Image.MAX_IMAGE_PIXELS = limit


@pytest.fixture
def handler(tmp_path: Path, pillow: None) -> Any:
    def make(config: dict[str, Any] | None = None, **properties: Any) -> Raw:
        write_eager(tmp_path)
        context = FakeContext(tmp_path, EAGER)
        context.model_yaml_config = config or {}
        context.system_properties.update(properties)
        made = Raw()
        made.initialize(context)
        return made

    return make


def file_of(array: np.ndarray[Any, Any], kind: str, mode: str | None = None) -> bytes:
    image = Image.fromarray(array)
    out = io.BytesIO()
    (image.convert(mode) if mode else image).save(out, kind)
    return out.getvalue()


def png(width: int, height: int, *, depth: int = 1) -> bytes:
    """A small file of a large grey image."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    rows = zlib.compressobj()
    row = b"\0" * (1 + (width * depth + 7) // 8)
    data = b"".join(rows.compress(row) for _ in range(height)) + rows.flush()
    header = struct.pack(">IIBBBBB", width, height, depth, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("content", "mode"),
    [
        (file_of((RAMP * 65535).round().astype(np.uint16), "PNG"), "I;16"),
        (file_of((RAMP * 65535).round().astype(np.uint16), "TIFF"), "I;16"),
        (file_of((RAMP * 65535).round().astype(np.uint16), "PPM"), "I"),
        (file_of((RAMP * 65535).round().astype(np.int32), "TIFF"), "I"),
        (file_of(GREYS.astype(np.int32), "TIFF"), "I"),
        (file_of((RAMP * 1e9 - 5e8).astype(np.int32), "TIFF"), "I"),
        (file_of(RAMP.astype(np.float32), "TIFF"), "F"),
        (file_of(GREYS.astype(np.float32), "TIFF"), "F"),
        (file_of((RAMP * 65535).astype(np.float32), "TIFF"), "F"),
        (file_of((RAMP * 6 - 3).astype(np.float32), "TIFF"), "F"),
        (file_of((RAMP * 1e30).astype(np.float32), "TIFF"), "F"),
        (file_of(GREYS, "PNG"), "L"),
    ],
)
def test_grey_of_any_depth_is_scaled(content: bytes, mode: str) -> None:
    image = decode_image(content)
    assert image.mode == mode
    pixels = np.array(to_rgb(image))
    assert pixels.shape == (16, 16, 3)
    assert np.abs(pixels[..., 0].astype(int) - GREYS).max() <= 1
    assert (pixels[..., 0] == pixels[..., 2]).all()
    tensor = tensor_transform()(image)
    assert tensor.dtype == torch.float32
    assert tensor.max().item() == pytest.approx(1)
    assert imagenet_transform()(image).shape == (3, 224, 224)


@pytest.mark.parametrize("mode", ["I;16", "I;16L", "I;16B", "I;16N"])
def test_byte_order_of_grey_does_not_matter(mode: str) -> None:
    order = ">u2" if mode == "I;16B" else "<u2" if mode == "I;16L" else "u2"
    values = (GREYS.astype(int) * 257).astype(order)
    image = Image.frombytes(mode, (16, 16), values.tobytes())
    assert (np.array(to_rgb(image))[..., 1] == GREYS).all()


def test_16_bits_are_scaled_alike_in_every_image() -> None:
    dark = Image.fromarray(np.full((4, 4), 257 * 3, np.uint16))
    assert np.array(to_rgb(dark)).max() == 3


@pytest.mark.parametrize("value", [0, 3, 70_000, -5])
def test_one_value_everywhere_is_no_division_by_zero(value: int) -> None:
    grey = np.array(to_rgb(Image.fromarray(np.full((4, 4), value, np.int32))))
    assert (grey == (value if value == 3 else 0)).all()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_are_the_clients_mistake(value: float) -> None:
    content = file_of(np.array([[0.5, value]], np.float32), "TIFF")
    with pytest.raises(PredictionException, match="not finite") as caught:
        Raw().preprocess([{"body": content}])
    assert caught.value.error_code == 400


@pytest.mark.parametrize(
    "mode",
    "1 L LA La P PA RGB RGBA RGBa RGBX CMYK YCbCr LAB HSV I F I;16 I;16B".split(),
)
def test_every_mode_becomes_rgb(mode: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        image = to_rgb(Image.new(mode, (3, 2)))
    assert (image.mode, image.size) == ("RGB", (3, 2))


def test_palette_with_transparency_becomes_its_colours() -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([255, 0, 0, 0, 0, 255])
    image.putpixel((1, 0), 1)
    out = io.BytesIO()
    image.save(out, "PNG", transparency=bytes([0, 255]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        colours = np.array(to_rgb(decode_image(out.getvalue())))
    assert colours.tolist() == [[[255, 0, 0], [0, 0, 255]]]


BIG = png(13_000, 13_000)


def refusal(handler: VisionHandler, content: bytes) -> PredictionException:
    with pytest.raises(PredictionException) as caught:
        handler.preprocess([{"body": content}])
    assert caught.value.error_code == 400
    assert "0x" not in str(caught.value)
    return caught.value


def test_large_image_in_a_small_file_is_refused_by_its_header(
    handler: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from PIL import PngImagePlugin

    assert len(BIG) < 25_000

    def decoded(*_: Any) -> None:
        raise AssertionError("the pixels were decoded")

    monkeypatch.setattr(PngImagePlugin.PngImageFile, "load_read", decoded)
    assert "too many pixels, the limit is 100000000" in refusal(handler(), BIG).message


def container(content: bytes) -> bytes:
    """An icon that says 16 x 16 and holds another image."""
    entry = struct.pack("<BBBBHHII", 16, 16, 0, 0, 1, 32, len(content), 22)
    return struct.pack("<HHH", 0, 1, 1) + entry + content


def animation(kind: str) -> bytes:
    frames = [Image.new("L", (1200, 1000), i) for i in range(3)]
    out = io.BytesIO()
    frames[0].save(out, kind, save_all=True, append_images=frames[1:])
    return out.getvalue()


def tiled() -> bytes:
    """A TIFF of 16 x 16 pixels in one tile of 1600 x 1600."""
    tags = {256: 16, 257: 16, 258: 8, 259: 1, 262: 1, 277: 1, 322: 1600, 323: 1600, 324: 8, 325: 1}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    return b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", len(tags)) + entries + b"\0" * 4


@pytest.mark.parametrize(
    "content",
    [
        png(1_200, 1_000),
        png(2_000, 2_000),
        image_bytes(size=(1_200, 1_000)),
        image_bytes(size=(1_200, 1_000), kind="JPEG"),
        animation("GIF"),
        animation("PNG"),
        animation("TIFF"),
        animation("WEBP"),
        container(png(1_200, 1_000)),
        tiled(),
    ],
    ids=["png", "twice", "rgb", "jpeg", "gif", "apng", "tiff", "webp", "ico", "tile"],
)
def test_limit_of_the_model_holds_for_every_format(handler: Any, content: bytes) -> None:
    limited = handler({"handler": {"max_image_pixels": 1_000_000}})
    message = refusal(limited, content).message
    assert "pixels" in message
    assert "1000000" in message


def test_image_at_the_limit_is_served(handler: Any) -> None:
    limited = handler({"handler": {"max_image_pixels": 12}})
    assert limited.preprocess([{"body": image_bytes(size=(4, 3))}]).shape == (1, 3, 4, 3)
    refusal(limited, image_bytes(size=(13, 1)))


def test_setting_of_the_server_is_the_default(
    handler: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert handler().max_image_pixels == 100_000_000
    monkeypatch.setenv("TS_MAX_IMAGE_PIXELS", "500")
    assert handler().max_image_pixels == 500
    assert handler({"handler": {"max_image_pixels": 7}}).max_image_pixels == 7
    assert handler(limit_max_image_pixels=False).max_image_pixels is None
    assert Image.MAX_IMAGE_PIXELS is None


@pytest.mark.parametrize("value", [0, -1, 1.5, True, "many", [1]])
def test_limit_that_is_none_is_refused_at_load(handler: Any, value: Any) -> None:
    with pytest.raises(ValueError, match=r"handler\.max_image_pixels"):
        handler({"handler": {"max_image_pixels": value}})


def test_pillows_own_refusal_is_the_clients_mistake_in_any_handler(pillow: None) -> None:
    Image.MAX_IMAGE_PIXELS = 10
    with pytest.raises(Image.DecompressionBombError) as caught:
        Image.open(io.BytesIO(image_bytes()))
    reply = prediction_error(caught.value)
    assert (reply.code, reply.message.split(":")[0]) == (400, "The image has too many pixels")
    assert prediction_error(Image.DecompressionBombWarning("x")).code == 400
    assert prediction_error(UserWarning("x")).code == 503


def test_long_thin_image_is_refused_before_it_is_scaled() -> None:
    with pytest.raises(PredictionException, match="1 x 60000 pixels: scaled") as caught:
        imagenet_transform()(Image.new("L", (1, 60_000)))
    assert caught.value.error_code == 400
    assert imagenet_transform()(Image.new("L", (20, 300))).shape == (3, 224, 224)
    assert ObjectDetector.image_processing(Image.new("L", (1, 600))).shape == (3, 600, 1)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"not an image", "the format is unknown"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n{} loop", "EPS"),
        (image_bytes()[:60], "cannot be read as an image"),
        (b"GIF89a" + b"\0" * 7 + b",", "cannot be read as an image"),
        (b"II*\0\xff\xff\xff\xff", "cannot be read as an image"),
    ],
)
def test_what_cannot_be_decoded_says_why_without_addresses(content: bytes, message: str) -> None:
    assert message in refusal(Raw(), content).message


def refused(content: bytes) -> PredictionException | None:
    try:
        decode_image(content, 1_000_000)
    except PredictionException as error:
        return error
    return None


def test_damaged_files_are_the_clients_mistake() -> None:
    rng = np.random.default_rng(3)
    files = [animation("GIF"), png(64, 64), image_bytes(kind="JPEG"), tiled()]
    files += [image_bytes(kind=kind) for kind in ("BMP", "TIFF", "WEBP", "PPM", "TGA", "ICO")]
    for content in files:
        for _ in range(60):
            broken = bytearray(content)
            for at in rng.integers(0, min(len(broken), 400), rng.integers(1, 6)):
                broken[at] = rng.integers(0, 256)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                error = refused(broken)
            assert error is None or (error.error_code == 400 and " at 0x" not in error.message)
