"""Large language models, run by TensorRT-LLM."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

from ts.handler_utils.utils import send_intermediate_predict_response
from ts.torch_handler.base_handler import BaseHandler
from ts.utils._optional import import_optional
from ts.utils.util import PredictionException

logger = logging.getLogger(__name__)

_PURPOSE = "A TensorRT-LLM handler"


class TRTLLMHandler(BaseHandler):
    """Completes prompts. Needs ``asyncCommunication: true`` in model-config.yaml.

    The section ``handler`` there has ``engine_dir`` and ``tokenizer_dir``, paths in the model's
    folder or hub ids, and ``kv_cache_config``. A request is a JSON object: ``prompt``,
    ``streaming`` (false), and sampling parameters.
    """

    def __init__(self) -> None:
        super().__init__()
        self._trt_llm: Any = None

    def initialize(self, ctx: Any) -> None:
        """Load the engine.

        Raises:
            RuntimeError: TensorRT-LLM is not installed, or a setting is missing.
        """
        self.context = ctx
        self.manifest = ctx.manifest
        self.model_yaml_config = getattr(ctx, "model_yaml_config", None) or {}
        section = self.model_yaml_config.get("handler") or {}
        missing = [key for key in ("engine_dir", "tokenizer_dir") if not section.get(key)]
        if missing:
            names = ", ".join(f"handler.{key}" for key in missing)
            raise RuntimeError(f"model-config.yaml lacks {names}, which TensorRT-LLM needs")
        folder = Path(ctx.system_properties["model_dir"])
        self._trt_llm = import_optional("tensorrt_llm", _PURPOSE)
        llmapi = import_optional("tensorrt_llm.llmapi", _PURPOSE, "tensorrt_llm")
        arguments: dict[str, Any] = {"trust_remote_code": section.get("trust_remote_code") is True}
        if section.get("kv_cache_config"):
            arguments["kv_cache_config"] = llmapi.KvCacheConfig(**section["kv_cache_config"])
        self.model = self._trt_llm.LLM(
            model=_in_folder(folder, section["engine_dir"]),
            tokenizer=_in_folder(folder, section["tokenizer_dir"]),
            **arguments,
        )
        self.initialized = True

    async def handle(self, data: Any, context: Any) -> list[Any]:  # type: ignore[override]
        """Answer one request with its text, or with chunks ``{"text": piece}``, the last one empty.

        Raises:
            PredictionException: 400, the request is not of this form.
        """
        if len(data) != 1:
            raise PredictionException(
                f"A batch of {len(data)} requests, expected batchSize: 1 with TensorRT-LLM", 500
            )
        prompt, streaming, sampling = self._parse(data[0])
        output = self.model.generate_async(prompt, sampling, streaming=streaming)
        try:
            if not streaming:
                result = await output.aresult()
                return [result.outputs[0].text]
            async for part in output:
                piece = part.outputs[0].text_diff
                if piece:
                    send_intermediate_predict_response(
                        [json.dumps({"text": piece})],
                        context.request_ids,
                        "Intermediate Prediction success",
                        200,
                        context,
                    )
            return [json.dumps({"text": ""})]
        except BaseException:
            # Above all a cancellation: no client waits for the rest.
            output.abort()
            raise

    def _parse(self, row: Any) -> tuple[str, bool, Any]:
        value = row.get("data") or row.get("body") if isinstance(row, dict) else row
        if isinstance(value, (bytes, bytearray, str)):
            try:
                value = json.loads(value)
            except ValueError as e:
                raise PredictionException(f"The body is not JSON: {e}", 400) from e
        if not isinstance(value, dict) or not isinstance(value.get("prompt"), str):
            raise PredictionException('The body is no JSON object with a text "prompt"', 400)
        parameters = {k: v for k, v in value.items() if k not in ("prompt", "streaming")}
        try:
            sampling = self._trt_llm.SamplingParams(**parameters)
        except (TypeError, ValueError) as e:
            raise PredictionException(f"Wrong sampling parameters: {e}", 400) from e
        return value["prompt"], bool(value.get("streaming", False)), sampling


def _in_folder(folder: Path, name: str) -> str:
    path = folder / name
    return str(path) if path.exists() else name
