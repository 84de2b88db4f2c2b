"""Inference with DeepSpeed."""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path
from typing import Any

from ts.utils._optional import import_optional

logger = logging.getLogger(__name__)

_CHECKPOINT_SUFFIXES = (".bin", ".pt", ".safetensors")


def get_ds_engine(model: Any, ctx: Any) -> Any:
    """Put `model` into a DeepSpeed inference engine.

    Read from model-config.yaml: ``deepspeed.config``, the DeepSpeed configuration (JSON) in the
    model's folder; ``deepspeed.checkpoint``, a checkpoint list below the model path, optional;
    ``handler.model_path``.

    Raises:
        RuntimeError: DeepSpeed is not installed, or a setting is missing.
        FileNotFoundError: The configuration or the checkpoint list does not exist.
    """
    sections = getattr(ctx, "model_yaml_config", None) or {}
    model_dir = Path(ctx.system_properties["model_dir"])
    model_path = (sections.get("handler") or {}).get("model_path")
    if not model_path:
        raise RuntimeError("model-config.yaml lacks handler.model_path, which DeepSpeed needs")
    section = sections.get("deepspeed") or {}
    if not section.get("config"):
        raise RuntimeError("model-config.yaml lacks deepspeed.config, a file of the model's folder")

    config = json.loads(_existing(model_dir / section["config"]).read_text(encoding="utf-8"))
    config.setdefault("tensor_parallel", {"tp_size": int(os.environ.get("WORLD_SIZE", "1"))})
    if section.get("checkpoint"):
        config["checkpoint"] = str(_existing(model_dir / model_path / section["checkpoint"]))
    deepspeed = import_optional("deepspeed", "A DeepSpeed handler")
    logger.info("DeepSpeed starts with %s", config)
    return deepspeed.init_inference(model, config=config)


def create_checkpoints_json(model_path: str | Path, checkpoints_json: str | Path) -> None:
    """Write the list of the checkpoints below `model_path` that DeepSpeed reads.

    Raises:
        FileNotFoundError: There are no checkpoints.
    """
    files = sorted(
        str(path)
        for path in Path(model_path).rglob("*")
        if path.suffix in _CHECKPOINT_SUFFIXES and path.is_file()
    )
    if not files:
        raise FileNotFoundError(
            f"{model_path} holds no checkpoints ({', '.join(_CHECKPOINT_SUFFIXES)})"
        )
    data = {"type": "ds_model", "checkpoints": files, "version": 1.0}
    Path(checkpoints_json).write_text(json.dumps(data), encoding="utf-8")


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise FileNotFoundError(f"{path}, named in section deepspeed, does not exist")
    return path
