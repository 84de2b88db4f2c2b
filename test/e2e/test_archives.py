"""Archives through the server: what is accepted, and what hostile ones can do (nothing)."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import torch
from torchserve_process import TorchServe

HANDLER = "def handle(data, context):\n    return None if data is None else ['ok'] * len(data)\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TorchServe]:
    """A server with an empty store."""
    running = TorchServe(tmp_path_factory.mktemp("archives"), torch=True)
    running.start()
    yield running
    running.stop()
    running.assert_nothing_left()


def manifest(name: str, **model: str) -> str:
    return json.dumps(
        {
            "createdOn": "now",
            "archiverVersion": "1.0.0",
            "runtime": "python",
            "model": {"modelName": name, "modelVersion": "1.0", "handler": "h.py", **model},
        }
    )


def write_zip(path: Path, entries: dict[str, str]) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in entries.items():
            archive.writestr(name, text)


def register(server: TorchServe, url: str, **parameters: str) -> requests.Response:
    return requests.post(
        f"{server.management}/models",
        params={"url": url, "initial_workers": "1", **parameters},
        timeout=60,
    )


@pytest.mark.parametrize("form", ["default", "zip-store", "tgz", "no-archive"])
def test_every_format_of_the_archiver_serves(server: TorchServe, tmp_path: Path, form: str) -> None:
    (tmp_path / "h.py").write_text(HANDLER)
    (tmp_path / "extra").mkdir()
    (tmp_path / "extra" / "words.txt").write_text("x")
    name = "packed_" + form.replace("-", "_")
    archiver = Path(sys.executable).parent / "torch-model-archiver"
    subprocess.run(
        [
            *(archiver, "--model-name", name, "--version", "1.0", "--handler", tmp_path / "h.py"),
            *("--extra-files", tmp_path / "extra", "--archive-format", form),
            *("--export-path", server.store.path),
        ],
        check=True,
    )
    file = {"tgz": f"{name}.tar.gz", "no-archive": name}.get(form, f"{name}.mar")
    answer = register(server, file)
    assert answer.status_code == 200, answer.text
    assert server.predict(name, data=b"x").text == "ok"
    assert requests.delete(f"{server.management}/models/{name}", timeout=60).status_code == 200


def test_archive_without_manifest_needs_a_name_and_a_handler(server: TorchServe) -> None:
    write_zip(server.store.path / "bare.mar", {"h.py": HANDLER})
    refused = register(server, "bare.mar")
    assert refused.status_code == 400, refused.text
    assert "name" in refused.json()["message"].lower()
    refused = register(server, "bare.mar", model_name="bare")
    assert refused.status_code == 400, refused.text
    assert "handler" in refused.json()["message"].lower()
    answer = register(server, "bare.mar", model_name="bare", handler="h.py:handle")
    assert answer.status_code == 200, answer.text
    assert server.predict("bare", data=b"x").text == "ok"
    requests.delete(f"{server.management}/models/bare", timeout=60)


def tar_with(member: tarfile.TarInfo, text: bytes = b"") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        good = tarfile.TarInfo("m/h.py")
        good.size = len(HANDLER)
        archive.addfile(good, io.BytesIO(HANDLER.encode()))
        member.size = len(text)
        archive.addfile(member, io.BytesIO(text))
    return buffer.getvalue()


def link(name: str, target: str, kind: bytes) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type = kind
    member.linkname = target
    return member


def device(name: str) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type = tarfile.CHRTYPE
    return member


@pytest.mark.parametrize(
    ("name", "entry", "content"),
    [
        ("slip.mar", "../escaped.txt", None),
        ("deep.mar", "a/../../escaped.txt", None),
        ("absolute.mar", "/tmp/tsnext_escaped.txt", None),
        ("backslash.mar", "..\\escaped.txt", None),
        ("symlink.tar.gz", "m/link", tar_with(link("m/link", "/etc", tarfile.SYMTYPE))),
        ("hardlink.tgz", "m/hard", tar_with(link("m/hard", "/etc/passwd", tarfile.LNKTYPE))),
        ("device.tgz", "m/null", tar_with(device("m/null"))),
        ("slip.tgz", "escaped.txt", tar_with(tarfile.TarInfo("../escaped.txt"), b"x")),
    ],
)
def test_entry_that_leaves_its_folder_is_refused_by_name_and_writes_nothing(
    server: TorchServe, name: str, entry: str, content: bytes | None
) -> None:
    if content is None:
        write_zip(
            server.store.path / name,
            {"MAR-INF/MANIFEST.json": manifest("evil"), "h.py": HANDLER, entry: "x"},
        )
    else:
        (server.store.path / name).write_bytes(content)
    answer = register(server, name, model_name="evil", handler="h.py")
    assert answer.status_code == 400, answer.text
    assert answer.json()["type"] == "InvalidModelException"
    assert entry.replace("\\", "\\\\") in answer.text
    assert not server.registered("evil")
    assert not list(server.folder.rglob("*escaped*"))
    assert not Path("/tmp/tsnext_escaped.txt").exists()
    assert not list(server.temp.rglob("h.py"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "MANIFEST.json"),
        ("[]", "MANIFEST.json"),
        ('{"createdOn": "now"}', "Missing Model entry in manifest file."),
        (manifest("m", serializedFile="../../etc/passwd"), "serializedFile"),
    ],
)
def test_broken_manifest_is_refused(server: TorchServe, text: str, message: str) -> None:
    write_zip(server.store.path / "broken.mar", {"MAR-INF/MANIFEST.json": text, "h.py": HANDLER})
    answer = register(server, "broken.mar")
    assert answer.status_code == 400, answer.text
    assert message in answer.json()["message"]
    assert requests.get(f"{server.management}/models", timeout=30).json() == {"models": []}


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ("batchSize: four", ["batchSize", "four"]),
        ("minWorkers: 3\nmaxWorkers: 2", ["maxWorkers"]),
        ("a: !!javax.script.ScriptEngineManager []", ["yaml"]),
        ("a: &a [x]\nb: [" + ", ".join(["*a"] * 2000) + "]", ["yaml"]),
    ],
)
def test_broken_model_config_is_refused(server: TorchServe, config: str, words: list[str]) -> None:
    write_zip(
        server.store.path / "config.mar",
        {
            "MAR-INF/MANIFEST.json": manifest("config", configFile="model-config.yaml"),
            "h.py": HANDLER,
            "model-config.yaml": config,
        },
    )
    answer = register(server, "config.mar")
    assert answer.status_code == 400, answer.text
    for word in words:
        assert word in answer.json()["message"]


def test_zip_bomb_is_stopped_at_the_limit(start: Callable[..., TorchServe]) -> None:
    limited = start(config={"unpack_max_bytes": "10000000"})
    with zipfile.ZipFile(
        limited.store.path / "bomb.mar", "w", compression=zipfile.ZIP_DEFLATED
    ) as archive:
        archive.writestr("MAR-INF/MANIFEST.json", manifest("bomb"))
        archive.writestr("h.py", HANDLER)
        archive.writestr("zeros.bin", b"\0" * 50_000_000)
    answer = register(limited, "bomb.mar")
    assert answer.status_code == 400, answer.text
    assert "zeros.bin" in answer.json()["message"]
    assert not list(limited.temp.rglob("zeros.bin"))


class RunsCode:
    """An object that makes a file when it is unpickled."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.file,)


EAGER_MODEL = """\
import torch

class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(1, 1)

    def forward(self, x):
        return self.layer(x)
"""


def test_weights_that_run_code_are_refused_with_the_switch_in_the_answer(
    server: TorchServe, tmp_path: Path
) -> None:
    made = tmp_path / "made-by-the-weights"
    weights = tmp_path / "weights.pt"
    torch.save({"layer.weight": torch.ones(1, 1), "other": RunsCode(made)}, weights)
    with zipfile.ZipFile(server.store.path / "pickled.mar", "w") as archive:
        archive.writestr(
            "MAR-INF/MANIFEST.json",
            manifest(
                "pickled",
                handler="base_handler",
                modelFile="model.py",
                serializedFile="weights.pt",
            ),
        )
        archive.writestr("model.py", EAGER_MODEL)
        archive.write(weights, "weights.pt")
    answer = register(server, "pickled.mar")
    assert answer.status_code == 500, answer.text
    detail = answer.json()["detail"]
    assert "handler: {weights_only: false} in model-config.yaml" in detail
    assert "weights.pt holds more than tensors" in detail
    assert str(server.temp) not in detail
    assert not made.exists()
    assert not server.registered("pickled")


def test_requirements_are_installed_for_the_model_only(
    start: Callable[..., TorchServe], tmp_path: Path
) -> None:
    package = tmp_path / "package"
    (package / "only_here").mkdir(parents=True)
    (package / "only_here" / "__init__.py").write_text("WORD = 'installed'\n")
    (package / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n'
        '[project]\nname = "only-here"\nversion = "1.0"\n'
        '[tool.setuptools]\npackages = ["only_here"]\n'
    )
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", tmp_path, package],
        check=True,
    )
    wheel = next(tmp_path.glob("only_here-*.whl"))
    server = start(config={"install_py_dep_per_model": "true"})
    with zipfile.ZipFile(server.store.path / "needy.mar", "w") as archive:
        archive.writestr(
            "MAR-INF/MANIFEST.json", manifest("needy", requirementsFile="requirements.txt")
        )
        archive.writestr("requirements.txt", f"./{wheel.name}\n")
        archive.write(wheel, wheel.name)
        archive.writestr(
            "h.py",
            "import only_here\n\n\ndef handle(data, context):\n"
            "    return None if data is None else [only_here.WORD] * len(data)\n",
        )
    answer = register(server, "needy.mar")
    assert answer.status_code == 200, answer.text
    assert server.predict("needy", data=b"x").text == "installed"
    write_zip(
        server.store.path / "needless.mar",
        {
            "MAR-INF/MANIFEST.json": manifest("needless", requirementsFile="requirements.txt"),
            "requirements.txt": "./no-such-file-1.0-py3-none-any.whl\n",
            "h.py": HANDLER,
        },
    )
    failed = register(server, "needless.mar")
    assert failed.status_code == 400, failed.text
    assert failed.json()["message"].startswith(
        "Custom pip package installation failed for model needless"
    )
    assert "no-such-file" in failed.json()["detail"]
    assert not server.registered("needless")
