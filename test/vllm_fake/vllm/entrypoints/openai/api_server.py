"""vLLM's application: it says what it was asked, and by which of its names."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any


@asynccontextmanager
async def build_async_engine_client_from_engine_args(engine_args: Any) -> AsyncIterator[Any]:
    print("Loading safetensors checkpoint shards: 50%", flush=True)
    yield SimpleNamespace(vllm_config=engine_args)


def build_app(args: Any) -> Application:
    return Application(args)


async def init_app_state(engine_client: Any, vllm_config: Any, state: Any, args: Any) -> None:
    state.config = vllm_config


class Application:
    """An ASGI application with the routes of chats alone."""

    def __init__(self, args: Any) -> None:
        self.state = SimpleNamespace()
        adapters = [adapter.name for adapter in args.lora_modules or []]
        self.names = [*args.served_model_name, *adapters]

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body = (await receive())["body"]
        if scope["path"] != "/v1/chat/completions":
            await self.answer(send, 404, {"error": {"message": "not here", "code": 404}})
            return
        request = json.loads(body)
        if request["model"] not in self.names:
            await self.answer(send, 404, {"error": {"message": "The model does not exist."}})
        elif request.get("stream"):
            await self.stream(send, request)
        else:
            text = request["messages"][-1]["content"].upper()
            message = {"role": "assistant", "content": text}
            choice = {"index": 0, "message": message, "finish_reason": "stop"}
            head = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1}
            await self.answer(send, 200, {**head, "model": request["model"], "choices": [choice]})

    async def stream(self, send: Any, request: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for word in request["messages"][-1]["content"].split():
            choice = {"index": 0, "delta": {"content": word}, "finish_reason": None}
            head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1}
            event = {**head, "model": request["model"], "choices": [choice]}
            piece = f"data: {json.dumps(event)}\n\n".encode()
            await send({"type": "http.response.body", "body": piece, "more_body": True})
            await asyncio.sleep(0)
        await send({"type": "http.response.body", "body": b"data: [DONE]\n\n"})

    async def answer(self, send: Any, status: int, body: Any) -> None:
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": json.dumps(body).encode()})
