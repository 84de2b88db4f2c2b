"""What goes into an archive: names in it, and the files they are copied from."""

from __future__ import annotations

import glob
import logging
import os
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from model_archiver._nearest import did_you_mean, files_beside
from model_archiver.model_archiver_error import ModelArchiverError

logger = logging.getLogger(__name__)

RESERVED_DIRECTORY = "MAR-INF"
_SKIPPED_DIRECTORIES = frozenset({"__MACOSX", "__pycache__"})


def is_packed_directory(
    name: str, unwanted_directories: Collection[str] = _SKIPPED_DIRECTORIES
) -> bool:
    """Whether a directory of that last name goes into archives: no hidden one, no unwanted one."""
    return not name.startswith(".") and name not in unwanted_directories


class Contents:
    """The files of an archive by their names in it. Nothing is copied or read."""

    def __init__(self, reserved: str = RESERVED_DIRECTORY) -> None:
        """Starts without files.

        Args:
            reserved: the folder of the manifest, which nothing else goes into.
        """
        self._reserved = reserved
        self._sources: dict[str, Path] = {}
        self._directories: set[str] = set()

    def add_artifact(self, path: str | os.PathLike[str], others: Iterable[str] = ()) -> str:
        """Adds a file under its last name, which is returned.

        Of one that does not exist the nearest name is told: of the files beside it, or of `others`.
        """
        source = Path(path)
        if source.is_dir():
            raise ModelArchiverError(f"{path} is a directory, expected a file")
        if not source.is_file():
            hint = did_you_mean(source.name, [*files_beside(source), *others])
            raise FileNotFoundError(f"File does not exist: {path}{hint}")
        self._add(source.name, source)
        return source.name

    def add_extra_files(self, listing: str) -> None:
        """Adds what a comma-separated list of files, directories and patterns names.

        A directory stands for what is in it: its files, and its sub-directories as trees, which
        are merged where several have one name.
        """
        for part in (part.strip() for part in listing.split(",")):
            if part:
                for path in _expand(part):
                    self._add_extra(path)

    def add_directory(self, directory: Path, *, with_manifest: bool = False) -> None:
        """Adds what is in a directory: its files, and its sub-directories as trees.

        Args:
            directory: where they are.
            with_manifest: whether it is a model directory, whose manifest the caller has.
        """
        for name, source in _walk(directory, prefix="", above=frozenset()):
            if not (with_manifest and name.split("/")[0] == self._reserved):
                self._add(name, source)

    def files(self) -> list[tuple[str, Path]]:
        """Name in the archive and source of every file, sorted by name."""
        return sorted(self._sources.items())

    def _add_extra(self, path: Path) -> None:
        if path.is_file():
            self._add(path.name, path)
        elif path.is_dir():
            self.add_directory(path)
        elif path.exists():
            raise ValueError(f"Invalid extra file given {path}")
        else:
            hint = did_you_mean(path.name, files_beside(path))
            raise FileNotFoundError(f"File does not exist: {path}{hint}")

    def _add(self, name: str, source: Path) -> None:
        if "\\" in name or any(ord(c) < 32 or ord(c) == 127 for c in name):
            raise ModelArchiverError(
                f"{source} cannot be packed: names in an archive have no backslashes and no "
                "control characters"
            )
        if name.split("/")[0] == self._reserved:
            logger.warning("%s is left out: %s is reserved", source, self._reserved)
            return
        if not os.access(source, os.R_OK):
            raise PermissionError(f"File cannot be read: {source}")
        above = [name[:i] for i, c in enumerate(name) if c == "/"]
        if name in self._directories or any(parent in self._sources for parent in above):
            raise ModelArchiverError(
                f"{source} cannot be packed as {name}: a file and a directory have the same name"
            )
        earlier = self._sources.get(name)
        if earlier is not None and not earlier.samefile(source):
            logger.warning("%s replaces %s: both are called %s", source, earlier, name)
        self._directories.update(above)
        self._sources[name] = source


def _expand(part: str) -> list[Path]:
    """The paths that one part of a list of extra files means."""
    if os.path.exists(part) or not glob.has_magic(part):
        return [Path(part)]
    matches = sorted(glob.glob(part))
    if not matches:
        logger.warning("Given wildcard pattern did not match any file: %s", part)
    return [Path(match) for match in matches]


def _walk(directory: Path, prefix: str, above: frozenset[str]) -> Iterator[tuple[str, Path]]:
    """Files below `directory` with their names in the archive.

    Links are followed, so that the archive has none.

    Args:
        directory: where to look.
        prefix: of the names, empty or with a slash at its end.
        above: real paths of the directories on the way here, to find links that lead in a circle.
    """
    real = os.path.realpath(directory)
    if real in above:
        raise ValueError(f"Invalid extra file given {directory}: a link to a directory above it")
    for entry in sorted(directory.iterdir()):
        if entry.is_dir():
            if is_packed_directory(entry.name):
                yield from _walk(entry, f"{prefix}{entry.name}/", above | {real})
        elif entry.is_file():
            yield prefix + entry.name, entry
        else:
            raise ValueError(f"Invalid extra file given {entry}: neither a file nor a directory")
