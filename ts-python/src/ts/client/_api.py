"""The requests that both clients make: which path, which body, how the answer is read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ts.client._messages import Input, Request, Response, encode_input, path_of
from ts.client._models import ModelState, ModelSummary, Readiness


def _value(response: Response) -> Any:
    return response.raise_for_status().value


def _response(response: Response) -> Response:
    return response.raise_for_status()


def _text(response: Response) -> str:
    return response.raise_for_status().text


def _status(response: Response) -> str:
    return str(_value(response).get("status", ""))


def _page(response: Response) -> tuple[list[ModelSummary], str | None]:
    said = _value(response)
    models = [ModelSummary(str(m["modelName"]), str(m["modelUrl"])) for m in said["models"]]
    return models, said.get("nextPageToken")


def _descriptions(response: Response) -> list[ModelState]:
    return [ModelState.of(said) for said in _value(response)]


def _versioned(first: str, model: str, version: str | None, **query: Any) -> str:
    segments = [first, model] if version is None else [first, model, version]
    return path_of(*segments, **query)


def predict(
    route: str,
    model: str,
    data: Input,
    parts: Mapping[str, Input] | None,
    version: str | None,
    content_type: str | None,
    headers: Mapping[str, str] | None,
) -> Request[Response]:
    """Return a request for the route ``predictions`` or ``explanations``."""
    body, kind = encode_input(data, parts, content_type)
    path = _versioned(route, model, version)
    return Request(
        "inference", "POST", path, _response, body, {"content-type": kind, **(headers or {})}
    )


def ping() -> Request[bool]:
    """Return the request whether the server is healthy."""
    return Request("inference", "GET", "/ping", lambda response: response.status == 200)


def ready(model: str | None, version: str | None) -> Request[Readiness]:
    """Return the request whether the server or a model is ready."""
    path = path_of("ready") if model is None else _versioned("ready", model, version)
    return Request("inference", "GET", path, Readiness.of)


def metrics() -> Request[str]:
    """Return the request for the page of metrics."""
    return Request("metrics", "GET", path_of("metrics"), _text)


def page_of_models(token: str | None) -> Request[tuple[list[ModelSummary], str | None]]:
    """Return the request for a page of the list of models."""
    path = path_of("models", limit=1000, next_page_token=token)
    return Request("management", "GET", path, _page)


def describe(model: str, version: str | None, customized: bool) -> Request[list[ModelState]]:
    """Return the request for the descriptions of a model's versions."""
    query = {"customized": True} if customized else {}
    path = _versioned("models", model, version, **query)
    return Request("management", "GET", path, _descriptions)


def register(url: str, settings: Mapping[str, Any]) -> Request[str]:
    """Return the request that registers a model."""
    return Request("management", "POST", path_of("models", url=url, **settings), _status)


def scale(
    model: str,
    version: str | None,
    min_workers: int,
    max_workers: int | None,
    synchronous: bool,
) -> Request[str]:
    """Return the request that sets the number of workers."""
    path = _versioned(
        "models",
        model,
        version,
        min_worker=min_workers,
        max_worker=max_workers,
        synchronous=synchronous,
    )
    return Request("management", "PUT", path, _status)


def set_default(model: str, version: str) -> Request[str]:
    """Return the request that chooses the default version."""
    return Request("management", "PUT", path_of("models", model, version, "set-default"), _status)


def renew_token(kind: str, api_token: str | None) -> Request[str]:
    """Return the request that has a token replaced.

    Raises:
        ValueError: There is no API token, or no such kind.
    """
    if kind not in ("inference", "management"):
        raise ValueError(f"The kind of token is {kind!r}, expected inference or management")
    if api_token is None:
        raise ValueError("The API token is needed, and there is none: see Tokens.read")
    headers = {"authorization": f"Bearer {api_token}"}
    return Request("management", "PUT", path_of("token", type=kind), _status, None, headers)


def unregister(model: str, version: str | None) -> Request[str]:
    """Return the request that unregisters a version."""
    return Request("management", "DELETE", _versioned("models", model, version), _status)
