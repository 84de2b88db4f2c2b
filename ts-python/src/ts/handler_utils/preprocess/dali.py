"""Pipelines of NVIDIA DALI, which decodes and resizes images on the GPU."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ts.utils._optional import import_optional

_PURPOSE = "A DALI handler"
_PACKAGE = "nvidia-dali-cuda120"
_REQUIRED = ("batch_size", "num_threads", "device_id", "seed")

# ImageNet's mean and standard deviation, of values 0 .. 255.
_MEAN = [0.485 * 255, 0.456 * 255, 0.406 * 255]
_STD = [0.229 * 255, 0.224 * 255, 0.225 * 255]


def get_dali_pipeline(ctx: Any) -> Any:
    """Build the pipeline that the section ``dali`` of model-config.yaml describes.

    Keys: ``batch_size``, ``num_threads``, ``device_id``, ``seed`` and, optionally,
        ``pipeline_file``, a serialized
    pipeline in the model's folder. Without a file the images are decoded, resized to a shorter side
    of 256, cropped to 224 x 224 and normalized as ImageNet's. The input has the name ``my_source``.

    Raises:
        RuntimeError: DALI is not installed, or the section is incomplete.
        FileNotFoundError: There is no such pipeline file.
    """
    section = (getattr(ctx, "model_yaml_config", None) or {}).get("dali")
    if not isinstance(section, dict):
        raise RuntimeError("model-config.yaml has no section dali, which a DALI handler needs")
    missing = [key for key in _REQUIRED if key not in section]
    if missing:
        raise RuntimeError(f"Section dali of model-config.yaml lacks {', '.join(missing)}")
    import_optional("nvidia.dali", _PURPOSE, _PACKAGE)
    name = section.get("pipeline_file")
    if name:
        return _deserialized(Path(ctx.system_properties["model_dir"]) / name, section)
    return _default_pipeline(section)


def _deserialized(path: Path, section: dict[str, Any]) -> Any:
    if not path.is_file():
        raise FileNotFoundError(f"DALI pipeline {path} does not exist")
    pipeline = import_optional("nvidia.dali.pipeline", _PURPOSE, _PACKAGE)
    return pipeline.Pipeline.deserialize(
        filename=str(path), **{key: section[key] for key in _REQUIRED}
    )


def _default_pipeline(section: dict[str, Any]) -> Any:
    pipeline_module = import_optional("nvidia.dali.pipeline", _PURPOSE, _PACKAGE)
    fn = import_optional("nvidia.dali.fn", _PURPOSE, _PACKAGE)
    types = import_optional("nvidia.dali.types", _PURPOSE, _PACKAGE)
    pipeline = pipeline_module.Pipeline(**{key: section[key] for key in _REQUIRED})
    with pipeline:
        encoded = fn.external_source(device="cpu", name="my_source")
        images = fn.decoders.image(encoded, device="mixed", output_type=types.RGB)
        images = fn.resize(images, resize_shorter=256)
        images = fn.crop_mirror_normalize(
            images,
            dtype=types.FLOAT,
            output_layout="CHW",
            crop=(224, 224),
            mean=_MEAN,
            std=_STD,
        )
        pipeline.set_outputs(images)
    return pipeline
