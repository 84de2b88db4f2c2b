"""Commands of pages that have no test file of their own: typed, and answered as shown.

`TYPED` and `NOT_TYPED` say of each page with commands where they are run, or why they are not.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from page_reader import Reader, blocks, blocks_of
from torchserve_process import REPOSITORY, ModelStore, wait_for

DOCS = REPOSITORY / "docs"
TYPED = {
    "README.md": "test_readme.py, test_first_model.py",
    "docs/archives.md": "here",
    "docs/commands.md": "ts-python/tests/cli/test_commands_page.py, test_commands.py",
    "docs/configuration.md": "here",
    "docs/first-model.md": "test_first_model.py",
    "docs/first-steps.md": "test_readme.py",
    "docs/handlers.md": "test_handlers_page.py",
    "docs/jobs.md": "here",
    "docs/management.md": "HttpManagementTest, from which the page is written",
    "docs/metrics.md": "here, test_metrics.py",
    "docs/migrating.md": "test_migrating_page.py",
    "docs/operations.md": "test_readiness.py",
    "docs/production.md": "test_readme.py",
    "docs/sagemaker.md": "test_sagemaker.py",
    "docs/scripts.md": "test_compat_wheels.py, test_interpreters.py",
    "docs/workflows.md": "here",
    "examples/digits/README.md": "test_examples.py",
    "examples/echo_stream/README.md": "here",
    "examples/embeddings/README.md": "test_embeddings_example.py",
    "examples/tensor_parallel/README.md": "here",
    "examples/textgen/README.md": "test_textgen_example.py",
    "examples/voice_activity/README.md": "test_examples.py",
    "examples/workflow/README.md": "here",
}
NOT_TYPED = {
    "docs/console.md": "needs a second machine or a cluster; test_console.py opens the pages",
    "docs/containers.md": "needs Docker and Helm; test_image.py, test_chart.py look at the files",
    "docs/kserve.md": "needs a cluster; test_kserve_manifests.py looks at the files",
    "docs/llm.md": "needs vLLM and its weights; test_llm_launcher.py starts a stand-in",
    "docs/performance.md": "takes an hour",
    "docs/tracing.md": "needs a receiver; test_tracing.py has one, and these variables",
}


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    if shutil.which("curl") is None:
        pytest.skip("the pages' commands need curl")
    one = Reader(tmp_path)
    yield one
    one.leaves()


def test_each_page_with_commands_is_run_or_says_why_not() -> None:
    with_commands = {
        page.relative_to(REPOSITORY).as_posix()
        for pattern in ("README.md", "docs/*.md", "examples/*/README.md")
        for page in REPOSITORY.glob(pattern)
        if re.search(r"^(```(bash|console|sh)|    \$ )", page.read_text("utf-8"), re.M)
    }
    assert with_commands == (set(TYPED) | set(NOT_TYPED))
    for where in TYPED.values():
        for name in re.findall(r"test_\w+\.py", where):
            assert list(REPOSITORY.glob(f"**/tests/**/{name}")) or (
                Path(__file__).with_name(name).exists()
            ), name


def test_workflows_are_packed_registered_and_called(reader: Reader) -> None:
    page = (DOCS / "workflows.md").read_text(encoding="utf-8")
    spec, pack = blocks("Making one", page)
    (call,) = blocks("Registering and calling", page)
    failed = json.loads(blocks("When a node fails", page)[0].text)
    example = blocks_of((REPOSITORY / "examples/workflow/README.md").read_text(encoding="utf-8"))
    build, start, *calls = example[0].commands()

    reader.types(build)
    reader.types(start.replace("torchserve", "torchserve --ts-config config.properties", 1))
    *registered, sentence, vote = [reader.types(line) for line in calls]
    assert ["registered" in answer for answer in registered] == [True, True]
    assert sentence == "This is a 7, by 100%.\n"
    assert json.loads(vote)["class"] == "7"

    # The page's own files, under its own names: the one of the example makes room.
    delete = f"curl -X DELETE http://localhost:{reader.ports['8081']}/workflows/vote"
    assert "unregistered" in reader.types(delete)
    (reader.clone / "model_store" / "vote.war").unlink()
    (reader.clone / "vote.yaml").write_text(spec.text, encoding="utf-8")
    shutil.copy(REPOSITORY / "examples/workflow/functions.py", reader.clone)
    reader.types(*pack.commands())
    register, ask = call.commands()
    assert "registered" in reader.types(register)
    assert json.loads(reader.types(ask))["class"] == "7"
    refused = reader.types(
        f"curl -d nonsense http://localhost:{reader.ports['8080']}/wfpredict/vote"
    )
    assert set(json.loads(refused)) == set(failed)
    words = [answer["message"].rsplit(" ", 1)[0] for answer in (json.loads(refused), failed)]
    assert words == ["Error executing"] * 2


def test_packing_metrics_and_the_console_of_an_example(reader: Reader) -> None:
    archives = (DOCS / "archives.md").read_text(encoding="utf-8")
    text = archives.split("\n## Packing\n")[1]
    (pack,) = blocks_of(text)[0].commands()
    for name in ("handler.py", "model.py", "digits.pt", "model-config.yaml"):
        shutil.copy(REPOSITORY / "examples" / "digits" / name, reader.clone)
    (reader.clone / "model_store").mkdir()
    reader.types(pack)
    manifest = json.loads(next(text for kind, text in blocks_of(archives) if kind == "json"))
    reader.types(
        "unzip -q -o model_store/digits.mar -d unpacked || python -m zipfile -e"
        " model_store/digits.mar unpacked"
    )
    packed = json.loads((reader.clone / "unpacked/MAR-INF/MANIFEST.json").read_text())
    assert set(packed) == set(manifest)
    assert set(packed["model"]) <= set(manifest["model"])

    echo = (REPOSITORY / "examples" / "echo_stream" / "README.md").read_text(encoding="utf-8")
    (console,) = blocks_of(echo)
    build, start, ask = console.commands()
    shown = console.text.partition(ask)[2].lstrip("\n")
    reader.types(build.replace("build.py", "examples/echo_stream/build.py"))
    reader.types(start)
    reader.types("torchserve wait echo_stream")
    assert reader.types(ask).rstrip("\n") == shown.rstrip("\n")

    metrics = (DOCS / "metrics.md").read_text(encoding="utf-8")
    whole, some = blocks_of(metrics)[0].commands()
    assert 'ts_requests_total{model_name="echo_stream"' in reader.types(whole)
    names = {
        line.split("{")[0]
        for line in reader.types(some).splitlines()
        if line and not line.startswith("#")
    }
    assert names == {"ts_requests_total", "ts_queue_length"}


def test_a_job_is_begun_waited_for_and_removed(reader: Reader) -> None:
    page = (DOCS / "jobs.md").read_text(encoding="utf-8")
    settings = blocks_of(page)[0].text.replace("/var/lib/torchserve", str(reader.clone))
    begin, head, job, later, *_ = blocks("A job from beginning to end", page)
    config = reader.clone / "config.properties"
    config.write_text(config.read_text() + settings)
    shutil.copy(REPOSITORY / "examples" / "digits" / "sample" / "seven.png", reader.clone)
    reader.types("python examples/digits/build.py model_store")
    reader.types(
        "torchserve --start --model-store model_store --models digits.mar --disable-token-auth"
    )
    reader.types("torchserve wait digits")

    printed = reader.types(begin.text)
    assert "HTTP/1.1 202" in printed
    for line in head.text.splitlines()[1:]:
        assert f"{line.partition(':')[0]}: " in printed
    begun = json.loads(printed[printed.index("{") :])
    assert set(begun) >= set(json.loads(job.text))
    result, delete = later.commands()
    answered = reader.types(result, before=[f"ID={begun['id']}"])
    assert "HTTP/1.1 200" in answered
    assert json.loads(answered[answered.index("{") :])["class"] == "7"
    reader.types(delete, before=[f"ID={begun['id']}"])
    assert "404" in reader.types(result, before=[f"ID={begun['id']}"])


def test_a_model_over_two_processes_answers_as_its_page_shows(reader: Reader) -> None:
    text = (REPOSITORY / "examples/tensor_parallel/README.md").read_text(encoding="utf-8")
    build, start, sample, ask = blocks_of(text)[0].commands()
    reader.types(build.replace("build.py", "examples/tensor_parallel/build.py"))
    reader.types(start)
    reader.types("torchserve wait tensor_parallel")
    reader.types(sample)
    answer = json.loads(reader.types(ask))
    assert answer["digit"] == 7
    assert len(answer["probabilities"]) == 10


def test_settings_of_a_start_are_printed_as_the_page_shows(reader: Reader) -> None:
    page = (DOCS / "configuration.md").read_text(encoding="utf-8")
    command, *shown = re.search(r"^    \$ (.*\n(?:    .*\n)+)", page, re.M).group(1).splitlines()
    config = reader.clone / "config.properties"
    config.write_text(config.read_text() + "job_queue_size=500\n")
    printed = reader.types(command).replace(str(config), "/etc/torchserve/config.properties")
    assert printed.splitlines() == [line.strip() for line in shown]


def test_requests_of_the_readiness_page_answer_with_the_members_shown(reader: Reader) -> None:
    page = (DOCS / "operations.md").read_text(encoding="utf-8")
    (command,) = re.findall(r"^    \$ (curl .*)$", page, re.M)
    handler = "\n\nimport a_module_that_does_not_exist\n\n\ndef handle(data, context):\n    pass\n"
    store = ModelStore(reader.clone / "model_store")
    store.write_handler("broken_import", handler, "minWorkers: 1\n")
    url = f"http://127.0.0.1:{reader.ports['8080']}/ready"
    reader.types("torchserve --start --model-store model_store --models broken_import --ncs")
    wait_for(lambda: "ModuleNotFoundError" in requests.get(url, timeout=30).text, "the cause")
    printed = reader.types(command)
    assert "503 Service Unavailable" in printed
    (model,) = json.loads(printed[printed.index("{") :])["models"]
    for name in model:
        assert f'"{name}":' in page
    assert model["reason"].partition(" If ")[0] in page.replace("...", "")
