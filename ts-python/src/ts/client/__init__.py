"""A small typed client of a server, over HTTP: predictions, streams, explanations, management.

`Client` needs nothing but the standard library. `AsyncClient` needs httpx, the extra ``client``.
"""

from __future__ import annotations

from ts.client._async import AsyncClient
from ts.client._client import Client
from ts.client._connections import Trust
from ts.client._errors import (
    ClientError,
    ModelFailed,
    RequestTimeout,
    ServerError,
    ServerUnreachable,
)
from ts.client._jobs import Job
from ts.client._messages import Input, Response
from ts.client._models import Failure, ModelState, ModelSummary, Readiness, Tokens, Worker

__all__ = [
    "AsyncClient",
    "Client",
    "ClientError",
    "Failure",
    "Input",
    "Job",
    "ModelFailed",
    "ModelState",
    "ModelSummary",
    "Readiness",
    "RequestTimeout",
    "Response",
    "ServerError",
    "ServerUnreachable",
    "Tokens",
    "Trust",
    "Worker",
]
