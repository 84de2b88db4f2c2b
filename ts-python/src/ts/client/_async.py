"""The client for asyncio; it needs httpx."""

from __future__ import annotations

import asyncio
import importlib
import time
from collections.abc import AsyncIterator, Mapping
from types import TracebackType
from typing import Any, TypeVar

from ts.client import _api, _jobs
from ts.client._client import failure_of, headers_of, next_wait
from ts.client._connections import Address, Trust
from ts.client._errors import ModelFailed, RequestTimeout, ServerUnreachable
from ts.client._jobs import Job
from ts.client._messages import Input, Request, Response
from ts.client._models import ModelState, ModelSummary, Readiness, Tokens

T = TypeVar("T")
_POLL_SEC = 0.1


class AsyncClient:
    """Asks one server from asyncio. Its methods, arguments and errors are those of `Client`.

    Raises:
        ImportError: httpx is not installed; ``pip install 'torchserve-next[client]'``.
    """

    def __init__(
        self,
        inference: str = "http://127.0.0.1:8080",
        management: str = "http://127.0.0.1:8081",
        *,
        tokens: Tokens | None = None,
        timeout: float | None = 120.0,
        trust: Trust | None = None,
        metrics: str = "http://127.0.0.1:8082",
    ) -> None:
        try:
            self._httpx: Any = importlib.import_module("httpx")
        except ImportError as problem:
            raise ImportError(
                "ts.client.AsyncClient needs httpx: pip install 'torchserve-next[client]', or "
                "pip install httpx. ts.client.Client needs nothing."
            ) from problem
        self._tokens = tokens or Tokens()
        self._addresses = {
            "inference": Address.parse(inference),
            "management": Address.parse(management),
            "metrics": Address.parse(metrics),
        }
        self._clients = {
            api: self._listener(address, timeout, trust or Trust())
            for api, address in self._addresses.items()
        }

    def _listener(self, address: Address, timeout: float | None, trust: Trust) -> Any:
        httpx = self._httpx
        transport = httpx.AsyncHTTPTransport(
            uds=address.socket_path,
            verify=trust.context() if address.scheme == "https" else False,
            limits=httpx.Limits(max_connections=None),
        )
        # No proxy and no token of the environment: the server is the one that is named.
        return httpx.AsyncClient(
            transport=transport, base_url=address.url, timeout=timeout, trust_env=False
        )

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections."""
        for client in self._clients.values():
            await client.aclose()

    # -- inference ----------------------------------------------------------------------------

    async def predict(
        self,
        model: str,
        data: Input = None,
        *,
        parts: Mapping[str, Input] | None = None,
        version: str | None = None,
        content_type: str | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> Any:
        """Return the model's answer; see `Client.predict`."""
        request = _api.predict("predictions", model, data, parts, version, content_type, headers)
        return (await self._ask(request, timeout)).value

    async def predict_response(
        self,
        model: str,
        data: Input = None,
        *,
        parts: Mapping[str, Input] | None = None,
        version: str | None = None,
        content_type: str | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> Response:
        """Return the model's answer with its status and headers; see `Client.predict`."""
        request = _api.predict("predictions", model, data, parts, version, content_type, headers)
        return await self._ask(request, timeout)

    async def explain(
        self,
        model: str,
        data: Input = None,
        *,
        parts: Mapping[str, Input] | None = None,
        version: str | None = None,
        content_type: str | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> Any:
        """Return the model's explanation of its answer; see `Client.predict`."""
        return (
            await self.explain_response(
                model,
                data,
                parts=parts,
                version=version,
                content_type=content_type,
                headers=headers,
                timeout=timeout,
            )
        ).value

    async def explain_response(
        self,
        model: str,
        data: Input = None,
        *,
        parts: Mapping[str, Input] | None = None,
        version: str | None = None,
        content_type: str | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> Response:
        """Return the explanation with its status and headers; see `Client.predict`."""
        request = _api.predict("explanations", model, data, parts, version, content_type, headers)
        return await self._ask(request, timeout)

    async def stream(
        self,
        model: str,
        data: Input = None,
        *,
        parts: Mapping[str, Input] | None = None,
        version: str | None = None,
        content_type: str | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> AsyncIterator[bytes]:
        """Yield the bytes of the answer as they come; see `Client.stream`."""
        request = _api.predict("predictions", model, data, parts, version, content_type, headers)
        client, words = self._prepared(request, timeout)
        try:
            async with client.stream(request.method, request.path, **words) as answer:
                if answer.status_code >= 400:
                    await answer.aread()
                    _response(answer).raise_for_status()
                async for chunk in answer.aiter_bytes():
                    yield chunk
        except self._httpx.HTTPError as problem:
            raise self._failure(request, problem) from problem

    async def submit(
        self,
        model: str,
        data: Input = None,
        *,
        parts: Mapping[str, Input] | None = None,
        version: str | None = None,
        content_type: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Job:
        """Begin a job; see `Client.submit`."""
        return await self._ask(_jobs.submit(model, data, parts, version, content_type, headers))

    async def job(self, job_id: str, *, wait: float | None = None) -> Job:
        """Return how a job is; see `Client.job`."""
        return await self._ask(_jobs.describe(job_id, wait))

    async def job_result(self, job_id: str, *, timeout: float | None = None) -> Response:
        """Wait for the end of a job, and return the answer; see `Client.job_result`."""
        end = None if timeout is None else time.monotonic() + timeout
        while True:
            wait = next_wait(job_id, end)
            response = await self._ask(_jobs.result(job_id, wait))
            if response is not None:
                return response

    async def delete_job(self, job_id: str) -> None:
        """Cancel a job that has not ended; remove one that has."""
        await self._ask(_jobs.delete(job_id))

    async def ping(self) -> bool:
        """Return whether the server is healthy."""
        return await self._ask(_api.ping())

    async def metrics(self) -> str:
        """Return what was measured, in the text format of Prometheus."""
        return await self._ask(_api.metrics())

    async def ready(self, model: str | None = None, version: str | None = None) -> Readiness:
        """Return whether requests should be sent to the server, or to one model, now."""
        return await self._ask(_api.ready(model, version))

    # -- management ---------------------------------------------------------------------------

    async def models(self) -> list[ModelSummary]:
        """Return the registered models, sorted by name."""
        found, token = await self._ask(_api.page_of_models(None))
        while token is not None:
            more, token = await self._ask(_api.page_of_models(token))
            found += more
        return found

    async def describe(
        self, model: str, version: str | None = None, *, customized: bool = False
    ) -> list[ModelState]:
        """Return the default version of a model, or a given one, or with ``all`` every one."""
        return await self._ask(_api.describe(model, version, customized))

    async def register(
        self,
        url: str,
        *,
        model_name: str | None = None,
        handler: str | None = None,
        batch_size: int | None = None,
        max_batch_delay: int | None = None,
        initial_workers: int | None = 1,
        synchronous: bool = True,
        response_timeout: int | None = None,
        startup_timeout: int | None = None,
        timeout: float | None = None,
    ) -> str:
        """Register a model; see `Client.register`."""
        settings = {
            "model_name": model_name,
            "handler": handler,
            "batch_size": batch_size,
            "max_batch_delay": max_batch_delay,
            "initial_workers": initial_workers,
            "synchronous": synchronous,
            "response_timeout": response_timeout,
            "startup_timeout": startup_timeout,
        }
        return await self._ask(_api.register(url, settings), timeout)

    async def scale(
        self,
        model: str,
        min_workers: int,
        max_workers: int | None = None,
        *,
        version: str | None = None,
        synchronous: bool = True,
        timeout: float | None = None,
    ) -> str:
        """Set the number of workers of a version, and return what the server says."""
        request = _api.scale(model, version, min_workers, max_workers, synchronous)
        return await self._ask(request, timeout)

    async def set_default(self, model: str, version: str) -> str:
        """Choose the version that requests without a version get."""
        return await self._ask(_api.set_default(model, version))

    async def unregister(self, model: str, version: str | None = None) -> str:
        """Unregister a version once it has finished what runs."""
        return await self._ask(_api.unregister(model, version))

    async def renew_token(self, kind: str) -> str:
        """Have the server replace a token; see `Client.renew_token`."""
        return await self._ask(_api.renew_token(kind, self._tokens.api))

    async def wait_ready(
        self, model: str, version: str | None = None, *, timeout: float = 120.0
    ) -> ModelState:
        """Wait until a model has its workers; see `Client.wait_ready`."""
        end = time.monotonic() + timeout
        while True:
            state = (await self.describe(model, version))[0]
            if state.ready:
                return state
            if state.failed:
                raise ModelFailed(failure_of(state))
            if time.monotonic() >= end:
                raise RequestTimeout(
                    f"{model} is {state.state} after {timeout:g} s: {state.reason}"
                )
            await asyncio.sleep(_POLL_SEC)

    async def _ask(self, request: Request[T], timeout: float | None = None) -> T:
        client, words = self._prepared(request, timeout)
        try:
            answer = await client.request(request.method, request.path, **words)
        except self._httpx.HTTPError as problem:
            raise self._failure(request, problem) from problem
        return request.parse(_response(answer))

    def _prepared(self, request: Request[Any], timeout: float | None) -> tuple[Any, dict[str, Any]]:
        words: dict[str, Any] = {
            "content": request.body,
            "headers": headers_of(request, self._tokens),
        }
        if timeout is not None:
            words["timeout"] = timeout
        return self._clients[request.api], words

    def _failure(self, request: Request[Any], problem: Exception) -> Exception:
        address = self._addresses[request.api]
        if isinstance(problem, self._httpx.TimeoutException):
            return RequestTimeout(f"{address} did not respond in time")
        return ServerUnreachable(f"No response from {address}: {problem}")


def _response(answer: Any) -> Response:
    headers = {name.lower(): value for name, value in answer.headers.items()}
    return Response(answer.status_code, headers, answer.content)
