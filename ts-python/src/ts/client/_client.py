"""The client for ordinary code; it needs nothing but the standard library."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any, TypeVar

from ts.client import _api, _jobs
from ts.client._connections import Address, Connections, Trust
from ts.client._errors import ModelFailed, RequestTimeout
from ts.client._jobs import Job
from ts.client._messages import Input, Request, Response
from ts.client._models import ModelState, ModelSummary, Readiness, Tokens

T = TypeVar("T")
_POLL_SEC = 0.1


class Client:
    """Asks one server. Threads may share it: each has a connection of its own.

    Everything it asks raises `ServerError` if the server answers with an error, `RequestTimeout`
    if it does not answer in time, and `ServerUnreachable` if there is no connection.

    Args:
        inference: Address of the inference API: ``http://host:port``, ``https://host:port`` or
            ``unix:/path``.
        management: Address of the management API.
        tokens: What the server asks for; see `Tokens.read`.
        timeout: Seconds that the server may be silent; None for no limit.
        trust: Which certificate an ``https`` address has to show.
        metrics: Address of the metrics, ``/metrics``.
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
        self._tokens = tokens or Tokens()
        self._timeout = timeout
        self._listeners = {
            "metrics": Connections(Address.parse(metrics), trust or Trust()),
            "inference": Connections(Address.parse(inference), trust or Trust()),
            "management": Connections(Address.parse(management), trust or Trust()),
        }

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        for connections in self._listeners.values():
            connections.close()

    # -- inference ----------------------------------------------------------------------------

    def predict(
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
        """Return the model's answer: a value of JSON, a text, or bytes, by its content type.

        Args:
            model: Its name.
            data: Bytes, an open file or a `Path` are sent as they are; a text as text; everything
                else as JSON.
            parts: Named values in place of `data`, sent as a form.
            version: None for the default one.
            content_type: In place of the one that `data` has.
            headers: More headers of the request.
            timeout: Seconds that the server may be silent; None for the client's.
        """
        return self.predict_response(
            model,
            data,
            parts=parts,
            version=version,
            content_type=content_type,
            headers=headers,
            timeout=timeout,
        ).value

    def predict_response(
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
        """Return the model's answer with its status and headers; see `predict`."""
        request = _api.predict("predictions", model, data, parts, version, content_type, headers)
        return self._ask(request, timeout)

    def explain(
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
        """Return the model's explanation of its answer; see `predict`."""
        return self.explain_response(
            model,
            data,
            parts=parts,
            version=version,
            content_type=content_type,
            headers=headers,
            timeout=timeout,
        ).value

    def explain_response(
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
        return self._ask(request, timeout)

    def stream(
        self,
        model: str,
        data: Input = None,
        *,
        parts: Mapping[str, Input] | None = None,
        version: str | None = None,
        content_type: str | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> Iterator[bytes]:
        """Yield the bytes of the answer as they come; see `predict`.

        What the handler sends together may come apart, and the other way round. A loop that is left
        early cancels the request.
        """
        request = _api.predict("predictions", model, data, parts, version, content_type, headers)
        answer = self._listeners[request.api].stream(
            request.method,
            request.path,
            request.body,
            self._headers(request),
            self._timeout if timeout is None else timeout,
        )
        for part in answer:
            if isinstance(part, bytes):
                yield part
            else:
                part.raise_for_status()

    def submit(
        self,
        model: str,
        data: Input = None,
        *,
        parts: Mapping[str, Input] | None = None,
        version: str | None = None,
        content_type: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Job:
        """Begin a job: a prediction whose answer the server keeps; see `predict`.

        The server has to be started with ``enable_job_api=true``.
        """
        return self._ask(_jobs.submit(model, data, parts, version, content_type, headers))

    def job(self, job_id: str, *, wait: float | None = None) -> Job:
        """Return how a job is: now, or once it has ended within `wait` seconds (at most 300)."""
        return self._ask(_jobs.describe(job_id, wait))

    def job_result(self, job_id: str, *, timeout: float | None = None) -> Response:
        """Wait for the end of a job, and return the answer of its model.

        Raises:
            ServerError: The job failed, was cancelled, or is not there any more.
            RequestTimeout: It has not ended within `timeout` seconds; it goes on.
        """
        end = None if timeout is None else time.monotonic() + timeout
        while True:
            wait = next_wait(job_id, end)
            response = self._ask(_jobs.result(job_id, wait))
            if response is not None:
                return response

    def delete_job(self, job_id: str) -> None:
        """Cancel a job that has not ended; remove one that has."""
        self._ask(_jobs.delete(job_id))

    def ping(self) -> bool:
        """Return whether the server is healthy."""
        return self._ask(_api.ping())

    def ready(self, model: str | None = None, version: str | None = None) -> Readiness:
        """Return whether requests should be sent to the server, or to one model, now."""
        return self._ask(_api.ready(model, version))

    def metrics(self) -> str:
        """Return what was measured, in the text format of Prometheus."""
        return self._ask(_api.metrics())

    # -- management ---------------------------------------------------------------------------

    def models(self) -> list[ModelSummary]:
        """Return the registered models, sorted by name."""
        found, token = self._ask(_api.page_of_models(None))
        while token is not None:
            more, token = self._ask(_api.page_of_models(token))
            found += more
        return found

    def describe(
        self, model: str, version: str | None = None, *, customized: bool = False
    ) -> list[ModelState]:
        """Return the default version of a model, or a given one, or with ``all`` every one."""
        return self._ask(_api.describe(model, version, customized))

    def register(
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
        """Register a model of the model store or of a URL, and return what the server says.

        The server has to be started with ``--enable-model-api``. For the settings see
        docs/management.md; `timeout` is how long this client waits for the workers.
        """
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
        return self._ask(_api.register(url, settings), timeout)

    def scale(
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
        return self._ask(request, timeout)

    def set_default(self, model: str, version: str) -> str:
        """Choose the version that requests without a version get."""
        return self._ask(_api.set_default(model, version))

    def unregister(self, model: str, version: str | None = None) -> str:
        """Unregister a version once it has finished what runs."""
        return self._ask(_api.unregister(model, version))

    def renew_token(self, kind: str) -> str:
        """Have the server replace its ``inference`` or ``management`` token.

        The new one is in the server's key file (`Tokens.read`); this client keeps its own.

        Raises:
            ValueError: The client has no API token.
        """
        return self._ask(_api.renew_token(kind, self._tokens.api))

    def wait_ready(
        self, model: str, version: str | None = None, *, timeout: float = 120.0
    ) -> ModelState:
        """Wait until a model has its workers, and return its description.

        Raises:
            ModelFailed: It cannot be loaded; the text has the cause.
            RequestTimeout: It is neither ready nor failed within `timeout` seconds.
        """
        end = time.monotonic() + timeout
        while True:
            state = self.describe(model, version)[0]
            if state.ready:
                return state
            if state.failed:
                raise ModelFailed(failure_of(state))
            if time.monotonic() >= end:
                raise RequestTimeout(
                    f"{model} is {state.state} after {timeout:g} s: {state.reason}"
                )
            time.sleep(_POLL_SEC)

    def _ask(self, request: Request[T], timeout: float | None = None) -> T:
        response = self._listeners[request.api].exchange(
            request.method,
            request.path,
            request.body,
            self._headers(request),
            self._timeout if timeout is None else timeout,
        )
        return request.parse(response)

    def _headers(self, request: Request[Any]) -> dict[str, str]:
        return headers_of(request, self._tokens)


def headers_of(request: Request[Any], tokens: Tokens) -> dict[str, str]:
    """Return the headers of a request, with its token."""
    token = tokens.of(request.api)
    return {**({"authorization": f"Bearer {token}"} if token else {}), **request.headers}


def next_wait(job_id: str, end: float | None) -> float:
    """Return how long the next request waits for a job; raise once `end` has passed."""
    if end is None:
        return _jobs.WAIT_SEC
    left = end - time.monotonic()
    if left <= 0:
        raise RequestTimeout(f"job {job_id} has not ended in time; it goes on")
    return min(max(1.0, left), _jobs.WAIT_SEC)


def failure_of(state: ModelState) -> str:
    """Return in a line why a model cannot be loaded."""
    cause = state.last_load_error.cause if state.last_load_error else state.reason
    return f"{state.name} {state.version} cannot be loaded: {cause}"
