"""The part of the build that pyproject.toml cannot say: what the frontend has goes into the wheel,
its jars and the .proto files by which clients speak gRPC to it.

`mvn package` collects them in `frontend/server/target/lib`. A wheel without them could not start
a server, so it is not built; an sdist carries them, so that it builds without the repository.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py
from setuptools.command.sdist import sdist
from setuptools.errors import SetupError

HERE = Path(__file__).resolve().parent
# In the repository Maven's output counts; in an unpacked sdist only the second exists.
JAR_FOLDERS = (HERE.parent / "frontend" / "server" / "target" / "lib", HERE / "src/ts/frontend")

PROTO_FOLDERS = (
    HERE.parent / "frontend" / "grpc-messages" / "src" / "main" / "proto",
    HERE / "src/ts/frontend/proto",
)

# What scripts/class-list wrote: servers start faster with it, and go without.
CLASS_LIST = "classes.lst"


def find_jars() -> list[Path]:
    """Return the jars to pack, the server's own among them, or end the build with the reason."""
    for folder in JAR_FOLDERS:
        jars = sorted(folder.glob("*.jar"))
        if any(jar.name.startswith("tsnext-server") for jar in jars):
            return jars
    looked = "\n  ".join(str(folder) for folder in JAR_FOLDERS)
    raise SetupError(
        "the frontend's jars are missing: no tsnext-server*.jar in\n  "
        f"{looked}\nBuild them first, at the top of the repository: mvn -DskipTests package"
    )


def copy_frontend(target: Path) -> None:
    """Replace `target` by a folder that holds exactly the current jars and .proto files."""
    jars = find_jars()
    protos = next(folder for folder in PROTO_FOLDERS if folder.is_dir())
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    for jar in jars:
        shutil.copyfile(jar, target / jar.name)
    class_list = jars[0].parent / CLASS_LIST
    if class_list.is_file():
        shutil.copyfile(class_list, target / CLASS_LIST)
    shutil.copytree(protos, target / "proto")


class BuildWithJars(build_py):
    def run(self) -> None:
        super().run()
        if not self.editable_mode:
            copy_frontend(Path(self.build_lib) / "ts" / "frontend")


class SdistWithJars(sdist):
    def make_release_tree(self, base_dir: str, files: list[str]) -> None:
        super().make_release_tree(base_dir, files)
        copy_frontend(Path(base_dir) / "src" / "ts" / "frontend")


setup(cmdclass={"build_py": BuildWithJars, "sdist": SdistWithJars})
