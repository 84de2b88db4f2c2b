"""Large language models, run by vLLM, with the OpenAI API."""

from __future__ import annotations

import functools
import json
from contextlib import aclosing
from pathlib import Path
from typing import Any

from ts.handler_utils.utils import send_intermediate_predict_response
from ts.torch_handler._asgi import AsgiThread
from ts.torch_handler._vllm_app import create_app, served_names
from ts.torch_handler.base_handler import BaseHandler
from ts.utils.util import PredictionException

# Paths after /predictions/<model>/<version>/ and the methods of vLLM's routes.
_ROUTES = {
    "v1/models": "GET",
    "v1/completions": "POST",
    "v1/chat/completions": "POST",
    "v1/embeddings": "POST",
    "v1/responses": "POST",
}


class VLLMHandler(BaseHandler):
    """Passes requests of the OpenAI API to vLLM's own application, inside this process.

    They come by ``/v1/...``, or below ``/predictions/<model>/<version>/``; no other route of the
    application can be reached, such as those that manage it.

    Needs ``asyncCommunication: true`` in model-config.yaml. The section ``handler`` there has
    ``vllm_engine_config`` (the settings of ``vllm serve``), ``model_path``, ``adapters``,
    ``chat_template``, ``allow_pickle`` and ``plugins``. The model is served under its registered
    name, those of ``servedModelName``, and those of its adapters; name these in
    ``servedModelName``, too, for the frontend to find them. When a client leaves, the engine stops
    generating for it.
    """

    openai_routes = tuple(path for path, method in _ROUTES.items() if method == "POST")

    def __init__(self) -> None:
        super().__init__()
        self._server: AsgiThread | None = None

    def initialize(self, ctx: Any) -> None:
        """Start the engine and wait until it is ready.

        Raises:
            RuntimeError: vLLM is not installed, or no model is named.
        """
        self.context = ctx
        self.manifest = ctx.manifest
        self.model_yaml_config = getattr(ctx, "model_yaml_config", None) or {}
        section = self.model_yaml_config.get("handler") or {}
        folder = Path(ctx.system_properties["model_dir"])
        names = served_names(self.model_yaml_config, ctx.model_name)
        create = functools.partial(create_app, section, folder, names)
        server = AsgiThread(create, name="vllm")
        server.start()
        self._server = server
        # A model that only embeds has no chat: what the engine lacks is refused by the frontend.
        served = server.paths()
        self.openai_routes = (
            tuple(path for path in self.openai_routes if f"/{path}" in served) or self.openai_routes
        )
        self.initialized = True

    async def handle(self, data: Any, context: Any) -> list[Any]:  # type: ignore[override]
        """Answer one request; stream it if it says so.

        Raises:
            PredictionException: 400 or 404, the request is not one of this API.
        """
        if len(data) != 1:
            raise PredictionException(
                f"A batch of {len(data)} requests, expected batchSize: 1 with vLLM, which makes "
                "its own batches",
                500,
            )
        path = context.get_request_header(0, "url_path") or ""
        method = _ROUTES.get(path)
        if method is None:
            raise PredictionException(f"Path {path!r}, expected one of {', '.join(_ROUTES)}", 404)
        request = {} if method == "GET" else self._request_of(data[0])
        body = b"" if method == "GET" else json.dumps(request).encode()
        if self._server is None:
            raise RuntimeError("the handler is not initialized")
        async with aclosing(self._server.request(method, f"/{path}", body)) as answer:
            status = await anext(answer)
            if status != 200:
                context.set_response_status(status, "", 0)
            elif request.get("stream") is True:
                context.set_response_content_type(0, "text/event-stream")
                return [await self._stream(answer, context)]
            context.set_response_content_type(0, "application/json")
            return [b"".join([chunk async for chunk in answer]).decode()]

    async def _stream(self, chunks: Any, context: Any) -> str:
        """Send all chunks but the last, which is returned."""
        last = b""
        async for chunk in chunks:
            if last:
                send_intermediate_predict_response(
                    [last.decode()],
                    context.request_ids,
                    "Intermediate Prediction success",
                    200,
                    context,
                )
            last = chunk
        return last.decode()

    @staticmethod
    def _request_of(row: Any) -> dict[str, Any]:
        value = row.get("data") or row.get("body") if isinstance(row, dict) else row
        if isinstance(value, (bytes, bytearray, str)):
            try:
                value = json.loads(value)
            except ValueError as e:
                raise PredictionException(f"The body is not JSON: {e}", 400) from e
        if not isinstance(value, dict):
            raise PredictionException(
                f"The body is a JSON {type(value).__name__}, expected an object", 400
            )
        return value
