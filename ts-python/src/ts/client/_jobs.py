"""Jobs: predictions that the client does not wait for, as both clients ask for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ts.client import _api
from ts.client._errors import ClientError
from ts.client._messages import Input, Request, Response, path_of

WAIT_SEC = 30
"""How long one request waits for the end of a job; it asks again until the caller's time is up."""

_ENDED = ("succeeded", "failed", "cancelled")


@dataclass(frozen=True, slots=True)
class Job:
    """A prediction that the server keeps; see docs/jobs.md.

    Attributes:
        id: By which it is asked for.
        status: ``queued``, ``running``, ``succeeded``, ``failed`` or ``cancelled``.
        model: The name of its model.
        error: What went wrong, in a line; "" if nothing did.
    """

    id: str
    status: str
    model: str
    error: str = ""

    @property
    def ended(self) -> bool:
        """Whether nothing changes any more."""
        return self.status in _ENDED

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> Job:
        """Read a description."""
        error = said.get("error") or {}
        words = [str(error[key]) for key in ("message", "detail") if error.get(key)]
        return cls(
            id=str(said["id"]),
            status=str(said["status"]),
            model=str(said.get("modelName") or said.get("workflowName") or ""),
            error=": ".join(words),
        )


def _begun(response: Response) -> Job:
    response.raise_for_status()
    if response.status != 202:
        raise ClientError(
            "the server answered without making a job: start it with enable_job_api=true"
        )
    return Job.of(response.value)


def _job(response: Response) -> Job:
    return Job.of(response.raise_for_status().value)


def _result(response: Response) -> Response | None:
    """None while the job has not ended."""
    going_on = response.status == 202 and response.headers.get("location", "").startswith("/jobs/")
    return None if going_on else response.raise_for_status()


def _nothing(response: Response) -> None:
    response.raise_for_status()


def submit(
    model: str,
    data: Input,
    parts: Mapping[str, Input] | None,
    version: str | None,
    content_type: str | None,
    headers: Mapping[str, str] | None,
) -> Request[Job]:
    """Return the request that begins a job."""
    headers = {**(headers or {}), "prefer": "respond-async"}
    sent = _api.predict("predictions", model, data, parts, version, content_type, headers)
    return Request(sent.api, sent.method, sent.path, _begun, sent.body, sent.headers)


def describe(job_id: str, wait: float | None) -> Request[Job]:
    """Return the request for a job as it is, or once it has ended within `wait` seconds."""
    path = path_of("jobs", job_id)
    return Request("inference", "GET", path, _job, headers=_prefer(wait))


def result(job_id: str, wait: float | None) -> Request[Response | None]:
    """Return the request for the response of a job."""
    path = path_of("jobs", job_id, "result")
    return Request("inference", "GET", path, _result, headers=_prefer(wait))


def delete(job_id: str) -> Request[None]:
    """Return the request that cancels or removes a job."""
    path = path_of("jobs", job_id)
    return Request("inference", "DELETE", path, _nothing)


def _prefer(wait: float | None) -> dict[str, str]:
    return {} if wait is None else {"prefer": f"wait={max(0, round(wait))}"}
