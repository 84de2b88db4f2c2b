"""Jobs on a real server: begun, waited for, cancelled, kept across restarts, refused."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import stat
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests
from torchserve_process import TorchServe, wait_for, workflow_archive
from ts.client import AsyncClient, Client, RequestTimeout, ServerError

HANDLER = """
import asyncio, os, time

async def handle(data, context):
    if data is None:
        return None
    row = data[0]
    body = bytes(row.get("body") or row.get("data")).decode()
    with open(os.environ["TSNEXT_JOBS_SEEN"], "a") as seen:
        seen.write(body + "\\n")
    if body.startswith("sleep"):
        try:
            await asyncio.sleep(float(body.split()[1]))
        except asyncio.CancelledError:
            with open(os.environ["TSNEXT_JOBS_SEEN"], "a") as seen:
                seen.write("cancelled\\n")
            raise
    if body == "fail":
        raise ValueError("no such word")
    if body == "teapot":
        context.set_response_status(418, "Teapot", idx=0)
        return ["short and stout"]
    if body.startswith("large"):
        return [b"x" * int(body.split()[1])]
    context.set_response_content_type(0, "text/x-upper")
    context.set_response_header(0, "x-length", str(len(body)))
    return [body.upper()]
"""
CONFIG = "concurrency: 8\nresponseTimeout: 120\n"
STREAMING = """
def handle(data, context):
    if data is None:
        return None
    return (f"part {i} " for i in range(3))
"""
ASYNC = {"Prefer": "respond-async"}
WRONG_IDS = ["0" * 32, "x", "..%2f..%2fetc%2fpasswd", "%00", "a" * 3000, "0" * 31 + "%0a"]


class JobServer(TorchServe):
    """A server with jobs, whose handler notes what it is given."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.seen_file = folder / "seen"
        super().__init__(
            folder,
            config={"enable_job_api": "true", **settings},
            environment={"TSNEXT_JOBS_SEEN": str(self.seen_file)},
        )
        self.store.write_handler("upper", HANDLER, CONFIG)
        self.seen_file.touch()

    def seen(self) -> list[str]:
        """What the handler was given, and its cancellations."""
        return self.seen_file.read_text().splitlines()

    def submit(self, body: str, path: str = "predictions/upper", **headers: str) -> Any:
        """Begins a job and returns its description."""
        answer = requests.post(
            f"{self.inference}/{path}", data=body, headers={**ASYNC, **headers}, timeout=60
        )
        assert answer.status_code == 202, answer.text
        assert answer.headers["location"] == answer.json()["url"]
        return answer.json()

    def job(self, job: Any, wait: int = 60) -> Any:
        """The description of a job, once it has ended."""
        answer = requests.get(
            self.inference + job["url"], headers={"Prefer": f"wait={wait}"}, timeout=120
        )
        assert answer.status_code == 200, answer.text
        return answer.json()

    def result(self, job: Any, wait: int = 60) -> requests.Response:
        """The result of a job, once it has ended."""
        return requests.get(
            self.inference + job["resultUrl"], headers={"Prefer": f"wait={wait}"}, timeout=120
        )

    def delete(self, job: Any) -> requests.Response:
        """Cancels or removes a job."""
        return requests.delete(self.inference + job["url"], timeout=60)

    def metric(self, name: str) -> float:
        """The value of a line of /metrics."""
        text = requests.get(f"{self.metrics}/metrics", timeout=60).text
        found = re.search(rf"^{re.escape(name)} (\S+)$", text, re.M)
        assert found, f"{name} in {text[:3000]}"
        return float(found.group(1))


@pytest.fixture(scope="module")
def jobs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JobServer]:
    """One server that keeps jobs in memory."""
    running = JobServer(tmp_path_factory.mktemp("jobs"), job_lifetime="600")
    running.store.write_handler("stream", STREAMING)
    spec = "models:\ndag:\n  first: [second]\n"
    functions = (
        "def first(data, context):\n"
        "    return None if data is None else [bytes(row['body']) for row in data]\n"
        "def second(data, context):\n"
        "    return None if data is None else [bytes(row['body'])[::-1] for row in data]\n"
    )
    (running.store.path / "w.war").write_bytes(workflow_archive(spec, functions))
    running.start("upper", "stream")
    running.wait_ready("upper")
    running.wait_ready("stream")
    yield running
    running.stop()
    running.assert_nothing_left()


def test_result_is_the_response_of_the_model(jobs: JobServer) -> None:
    job = jobs.submit("abc", **{"x-request-id": "mine-1"})
    assert re.fullmatch(r"[0-9a-f]{32}", job["id"])
    assert (job["modelName"], job["requestId"]) == ("upper", "mine-1")
    ended = jobs.job(job)
    assert (ended["status"], ended["responseStatus"], ended["responseBytes"]) == (
        "succeeded",
        200,
        3,
    )
    assert ended["createdAt"] <= ended["startedAt"] <= ended["endedAt"] < ended["expiresAt"]
    for _ in range(2):
        answer = jobs.result(job)
        assert (answer.status_code, answer.text) == (200, "ABC")
        assert answer.headers["content-type"] == "text/x-upper"
        assert answer.headers["x-length"] == "3"
    assert jobs.delete(job).status_code == 204
    assert jobs.delete(job).status_code == 404
    gone = requests.get(jobs.inference + job["resultUrl"], timeout=60)
    assert (gone.status_code, gone.json()["type"]) == (404, "JobNotFoundException")


def test_preference_is_said_to_be_applied(jobs: JobServer) -> None:
    answer = jobs.predict("upper", data="abc", headers=ASYNC)
    assert answer.headers["preference-applied"] == "respond-async"
    assert answer.headers["retry-after"] == "1"
    waited = requests.get(
        jobs.inference + answer.json()["url"], headers={"Prefer": "wait=99999"}, timeout=60
    )
    assert waited.headers["preference-applied"] == "wait=300"


@pytest.mark.parametrize(
    ("prefer", "status"),
    [
        ("Respond-Async; x=1, handling=lenient", 202),
        ('wait="5"', 200),
        ("return=minimal", 200),
        ('foo="respond-async"', 200),
        ("respond-async, wait=30", 200),
        ("respond-async, wait=soon", 202),
        ("respond-async, wait=0", 202),
    ],
)
def test_preferences_are_read_as_rfc_7240_says(jobs: JobServer, prefer: str, status: int) -> None:
    answer = jobs.predict("upper", data="abc", headers={"Prefer": prefer})
    assert answer.status_code == status, answer.text
    if status == 202:
        jobs.job(answer.json())
        assert jobs.delete(answer.json()).status_code == 204
    else:
        assert answer.text == "ABC"


def test_wait_that_is_long_enough_gives_the_response_and_leaves_no_job(jobs: JobServer) -> None:
    before = jobs.metric('ts_jobs{status="succeeded",}')
    answer = jobs.predict("upper", data="abc", headers={"Prefer": "respond-async, wait=30"})
    assert (answer.status_code, answer.text) == (200, "ABC")
    assert answer.headers["preference-applied"] == "respond-async, wait=30"
    assert jobs.metric('ts_jobs{status="succeeded",}') == before
    failed = jobs.predict("upper", data="fail", headers={"Prefer": "respond-async, wait=30"})
    assert failed.status_code == 503
    assert "no such word" in failed.json()["detail"]
    late = jobs.predict("upper", data="sleep 30", headers={"Prefer": "respond-async, wait=1"})
    assert late.status_code == 202
    assert late.json()["status"] == "running"
    assert jobs.delete(late.json()).json()["status"] == "cancelled"


def test_job_that_has_not_ended_has_no_result_yet(jobs: JobServer) -> None:
    job = jobs.submit("sleep 30")
    for url in (job["url"], job["resultUrl"]):
        before = time.monotonic()
        answer = requests.get(jobs.inference + url, headers={"Prefer": "wait=1"}, timeout=60)
        assert 0.9 < time.monotonic() - before < 20
        assert answer.status_code == (200 if url == job["url"] else 202)
        assert answer.json()["status"] == "running"
        assert answer.headers["retry-after"] == "1"
    jobs.delete(job)


def test_cancel_reaches_the_handler(jobs: JobServer) -> None:
    job = jobs.submit("sleep 77")
    wait_for(lambda: "sleep 77" in jobs.seen(), "the handler has it")
    before = jobs.seen().count("cancelled")
    cancelled = jobs.delete(job)
    assert (cancelled.status_code, cancelled.json()["status"]) == (200, "cancelled")
    wait_for(lambda: jobs.seen().count("cancelled") > before, "the handler is cancelled")
    answer = jobs.result(job)
    assert (answer.status_code, answer.json()["type"]) == (409, "JobCancelledException")
    assert jobs.delete(job).status_code == 204


def test_failures_are_failed_jobs_with_the_models_own_answer(jobs: JobServer) -> None:
    failed = jobs.submit("fail")
    described = jobs.job(failed)
    assert described["status"] == "failed"
    assert "no such word" in described["error"]["detail"]
    answer = jobs.result(failed)
    assert (answer.status_code, answer.json()["type"]) == (503, "InternalServerException")
    teapot = jobs.submit("teapot")
    assert jobs.job(teapot)["status"] == "failed"
    answer = jobs.result(teapot)
    assert (answer.status_code, answer.reason, answer.text) == (418, "Teapot", "short and stout")


def test_what_is_refused_at_once_is_no_job(jobs: JobServer) -> None:
    missing = jobs.predict("missing", data="x", headers=ASYNC)
    assert (missing.status_code, missing.json()["type"]) == (404, "ModelNotFoundException")
    version = requests.post(
        f"{jobs.inference}/predictions/upper/9.9", data="x", headers=ASYNC, timeout=60
    )
    assert version.status_code == 404


@pytest.mark.parametrize("job_id", WRONG_IDS)
@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_wrong_ids_are_404(jobs: JobServer, method: str, job_id: str) -> None:
    answer = requests.request(method, f"{jobs.inference}/jobs/{job_id}", timeout=60)
    assert answer.status_code in (400, 404), answer.text
    assert len(answer.text) < 2000


def test_stream_is_collected(jobs: JobServer) -> None:
    job = jobs.submit("x", "predictions/stream")
    assert jobs.result(job).text == "part 0 part 1 part 2 "


def test_other_routes_make_jobs_too(jobs: JobServer) -> None:
    registered = requests.post(f"{jobs.management}/workflows?url=w.war", timeout=120)
    assert registered.status_code == 200, registered.text
    job = jobs.submit("abc", "wfpredict/w")
    assert job["workflowName"] == "w"
    assert jobs.result(job).text == "cba"
    for path in ("predictions/upper/1.0", "explanations/upper", "v1/models/upper:predict"):
        assert jobs.result(jobs.submit("abc", path)).text == "ABC", path
    v2 = jobs.submit('{"id": "1"}', "v2/models/upper/infer")
    assert jobs.result(v2).text == '{"ID": "1"}'


def test_many_clients_wait_for_one_job(jobs: JobServer) -> None:
    job = jobs.submit("sleep 3")
    with ThreadPoolExecutor(64) as pool:
        answers = list(pool.map(lambda _: jobs.job(job)["status"], range(64)))
    assert answers == ["succeeded"] * 64


def test_client_that_leaves_while_it_waits_disturbs_nothing(jobs: JobServer) -> None:
    job = jobs.submit("sleep 3")
    with pytest.raises(requests.exceptions.ReadTimeout):
        requests.get(jobs.inference + job["url"], headers={"Prefer": "wait=60"}, timeout=0.5)
    assert jobs.job(job)["status"] == "succeeded"


def test_client_that_never_learned_the_id_leaves_no_job(jobs: JobServer) -> None:
    with pytest.raises(requests.exceptions.ReadTimeout):
        requests.post(
            f"{jobs.inference}/predictions/upper",
            data="sleep 66",
            headers={"Prefer": "respond-async, wait=60"},
            timeout=2,
        )
    wait_for(lambda: jobs.metric('ts_jobs{status="running",}') == 0, "no job is left")


def test_description_of_the_api_has_jobs(jobs: JobServer) -> None:
    paths = requests.get(f"{jobs.inference}/openapi.json", timeout=60).json()["paths"]
    assert set(paths["/jobs/{job_id}"]) >= {"get", "delete"}
    assert "202" in paths["/jobs/{job_id}/result"]["get"]["responses"]
    assert "202" in paths["/predictions/{model_name}"]["post"]["responses"]


def test_python_clients(jobs: JobServer) -> None:
    with Client(jobs.inference, jobs.management) as client:
        job = client.submit("upper", b"abc")
        assert (job.model, job.ended) == ("upper", job.status == "succeeded")
        assert client.job(job.id, wait=30).status == "succeeded"
        assert client.job_result(job.id).text == "ABC"
        client.delete_job(job.id)
        with pytest.raises(ServerError, match="Job not found"):
            client.job(job.id)
        slow = client.submit("upper", b"sleep 30")
        with pytest.raises(RequestTimeout):
            client.job_result(slow.id, timeout=1)
        client.delete_job(slow.id)
        with pytest.raises(ServerError) as cancelled:
            client.job_result(slow.id)
        assert cancelled.value.status == 409

    async def ask() -> str:
        async with AsyncClient(jobs.inference, jobs.management) as client:
            job = await client.submit("upper", b"abc")
            text = (await client.job_result(job.id, timeout=30)).text
            await client.delete_job(job.id)
            return text

    assert asyncio.run(ask()) == "ABC"


def test_preference_is_ignored_where_jobs_are_off(start: Callable[..., TorchServe]) -> None:
    server = start()
    server.store.write_handler("upper", STREAMING)
    requests.post(
        f"{server.management}/models?url=upper&initial_workers=1", timeout=90
    ).raise_for_status()
    answer = server.predict("upper", data="x", headers=ASYNC)
    assert (answer.status_code, answer.text) == (200, "part 0 part 1 part 2 ")
    assert "preference-applied" not in answer.headers
    missing = requests.get(f"{server.inference}/jobs/{'0' * 32}", timeout=60)
    assert missing.status_code == 404
    assert "enable_job_api=true" in missing.json()["detail"]


def test_thousand_jobs_that_nobody_fetches_harm_nobody(tmp_path: Path) -> None:
    server = JobServer(
        tmp_path / "server", job_max_count="1000", job_queue_size="1000", job_max_bytes="100000"
    )
    server.start("upper")
    server.wait_ready("upper")
    try:
        with requests.Session() as session, ThreadPoolExecutor(8) as pool:

            def post(body: str) -> requests.Response:
                return session.post(
                    f"{server.inference}/predictions/upper", data=body, headers=ASYNC, timeout=60
                )

            answers = list(pool.map(post, ["abc"] * 1000))
            assert {answer.status_code for answer in answers} == {202}
            refused = post("abc")
            assert (refused.status_code, refused.json()["type"]) == (429, "TooManyJobsException")
            assert int(refused.headers["retry-after"]) >= 1
            assert "job_max_count" in refused.json()["message"]
        wait_for(lambda: server.metric('ts_jobs{status="succeeded",}') == 1000, "all have ended")
        assert server.metric("ts_job_bytes") == 3000
        assert server.predict("upper", data="abc").text == "ABC"
        # One is deleted: there is place for one, but no room for what it wants to keep.
        assert server.delete(answers[0].json()).status_code == 204
        large = server.submit("large 100000")
        answer = server.result(large)
        assert (answer.status_code, answer.json()["type"]) == (507, "JobStoreFullException")
        assert "job_max_bytes" in answer.json()["message"]
    finally:
        server.stop()
    server.assert_nothing_left()


def test_jobs_outlive_a_restart_and_a_kill(tmp_path: Path) -> None:
    store = tmp_path / "store"
    server = JobServer(tmp_path / "server", job_store=str(store))
    server.start("upper")
    server.wait_ready("upper")
    try:
        done = server.submit("abc")
        assert server.job(done)["status"] == "succeeded"
        files = [file for file in store.iterdir() if file.is_file()]
        assert files
        assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
        running = [server.submit(f"sleep 20{i}") for i in range(8)]
        wait_for(lambda: len(list(store.glob("*.started-1"))) == 8, "all run")
        queued = server.submit("queued")
        server.stop(signal.SIGKILL)
        wait_for(lambda: not server.processes(), "all processes are gone")

        server.seen_file.write_text("")
        server.start("upper")
        assert server.result(done).text == "ABC"
        # What ran is run once more; what waited for it runs after that.
        wait_for(lambda: len(server.seen()) >= 8, f"they run again: {server.seen()}")
        for job in running[1:]:
            assert server.delete(job).json()["status"] == "cancelled"
        assert server.result(queued).text == "QUEUED"
        assert server.job(running[0], 0)["status"] == "running"
        server.stop(signal.SIGKILL)
        wait_for(lambda: not server.processes(), "all processes are gone")

        server.start("upper")
        lost = server.result(running[0])
        assert (lost.status_code, lost.json()["type"]) == (500, "JobLostException")
        assert server.result(done).text == "ABC"
        assert server.result(running[1]).status_code == 409
        other = JobServer(tmp_path / "other", job_store=str(store))
        refused = subprocess.run(
            other.command(*other.start_words(), "--foreground"),
            env=other.environment,
            cwd=other.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )
        assert refused.returncode != 0
        assert "another server uses it" in refused.stdout + refused.stderr
    finally:
        server.stop()
    server.assert_nothing_left()


def test_stop_lets_jobs_end(tmp_path: Path) -> None:
    server = JobServer(
        tmp_path / "server", job_store=str(tmp_path / "store"), shutdown_drain_timeout="30"
    )
    server.start("upper")
    server.wait_ready("upper")
    try:
        job = server.submit("sleep 3")
        wait_for(lambda: "sleep 3" in server.seen(), "it runs")
        waits = threading.Thread(target=server.job, args=(job,), daemon=True)
        waits.start()
        before = time.monotonic()
        server.stop()
        assert time.monotonic() - before < 20
        waits.join(60)
        server.start("upper")
        assert server.job(job, 0)["status"] == "succeeded"
        assert server.result(job).text == "SLEEP 3"
    finally:
        server.stop()
    server.assert_nothing_left()


def test_jobs_need_the_inference_token(tmp_path: Path) -> None:
    server = JobServer(tmp_path / "server")
    server.options = ()
    server.environment["TS_INFERENCE_TOKEN"] = "inference-secret-0123456789"
    server.environment["TS_MANAGEMENT_TOKEN"] = "management-secret-0123456789"
    server.start("upper")
    try:
        own = {"Authorization": "Bearer inference-secret-0123456789"}
        other = {"Authorization": "Bearer management-secret-0123456789"}
        assert server.predict("upper", data="abc", headers=ASYNC).status_code == 401
        wait_for(
            lambda: server.predict("upper", data="abc", headers=own).status_code == 200, "ready"
        )
        job = server.submit("abc", **own)
        for headers, status in (({}, 401), (other, 403)):
            for method, url in (("GET", "url"), ("GET", "resultUrl"), ("DELETE", "url")):
                answer = requests.request(
                    method, server.inference + job[url], headers=headers, timeout=60
                )
                assert answer.status_code == status, (method, url)
        ended = requests.get(
            server.inference + job["resultUrl"], headers={**own, "Prefer": "wait=30"}, timeout=60
        )
        assert ended.text == "ABC"
    finally:
        server.stop()
    server.assert_nothing_left()


class SmallDisk(JobServer):
    """A server whose store of jobs is a small disk, in a mount namespace of its own."""

    def command(self, *words: str) -> list[str]:
        user = () if os.getuid() == 0 else ("--map-root-user",)
        disk = self.folder / "disk"
        disk.mkdir(exist_ok=True)
        script = f'mount -t tmpfs -o size=2m small "{disk}" && exec "$@"'
        return ["unshare", "--mount", *user, "sh", "-c", script, "sh", *super().command(*words)]


def test_full_disk_refuses_jobs_and_loses_none(tmp_path: Path) -> None:
    folder = tmp_path / "server"
    server = SmallDisk(folder, job_store=str(folder / "disk" / "jobs"))
    tried = subprocess.run(
        server.command("--version"),
        env=server.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if tried.returncode != 0:
        pytest.skip(f"no mount namespace can be had: {tried.stderr.strip()}")
    server.start("upper")
    server.wait_ready("upper")
    try:
        # More than the disk has: kept in memory, and told in the log.
        large = server.submit("large 3000000")
        assert len(server.result(large).content) == 3_000_000
        server.wait_log("ts_log.log", "is kept in memory")
        fills = server.submit("large 1900000")
        assert len(server.result(fills).content) == 1_900_000
        before = len(server.seen())
        refused = server.predict("upper", data="x" * 300_000, headers=ASYNC)
        assert (refused.status_code, refused.json()["type"]) == (507, "JobStoreFullException")
        assert len(server.seen()) == before, "it was refused and ran"
        assert server.predict("upper", data="abc").text == "ABC"
        assert server.delete(fills).status_code == 204
        answer = server.result(server.submit("x" * 300_000))
        assert answer.text == "X" * 300_000
    finally:
        server.stop()
    server.assert_nothing_left()
