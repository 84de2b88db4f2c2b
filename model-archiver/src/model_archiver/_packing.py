"""Writes archives.

Each function writes to a new name beside the target and renames at the end, so that a reader
sees the old result, or the new one, or none, but never half of one.
"""

from __future__ import annotations

import gzip
import io
import os
import secrets
import shutil
import stat
import tarfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from model_archiver._contents import RESERVED_DIRECTORY, Contents
from model_archiver.model_archiver_error import ModelArchiverError

ArchiveFormat = Literal["default", "zip-store", "tgz", "no-archive"]

MANIFEST = f"{RESERVED_DIRECTORY}/MANIFEST.json"
SUFFIXES: dict[ArchiveFormat, str] = {
    "default": ".mar",
    "zip-store": ".mar",
    "tgz": ".tar.gz",
    "no-archive": "",
}
_BUFFER_BYTES = 1 << 20
# The moments that a zip can express.
_ZIP_EARLIEST = (1980, 1, 1, 0, 0, 0)
_ZIP_LATEST = (2107, 12, 31, 23, 59, 58)


def target_path(export_path: Path, model_name: str, archive_format: ArchiveFormat) -> Path:
    """Where the result of this name and format goes."""
    return export_path / (model_name + SUFFIXES[archive_format])


def pack(
    target: Path,
    contents: Contents,
    manifest: str,
    archive_format: ArchiveFormat,
    epoch: int | None,
) -> None:
    """Writes an archive to `target`, in place of what is there.

    Args:
        target: as `target_path` gives it.
        contents: every file but the manifest.
        manifest: text of the manifest.
        archive_format: how to write it.
        epoch: time stamp of all entries in seconds since 1970, or None for those of the files.
    """
    files = contents.files()
    if archive_format == "no-archive":
        _refuse_to_replace_a_source(target, files)
        _replace_directory(target, lambda new: _copy_tree(new, files, manifest))
        return
    if archive_format == "tgz":
        root = target.name.removesuffix(".tar.gz")
        _replace_file(target, lambda new: _write_tar(new, root, files, manifest, epoch))
        return
    method = zipfile.ZIP_DEFLATED if archive_format == "default" else zipfile.ZIP_STORED
    _replace_file(target, lambda new: _write_zip(new, method, files, (MANIFEST, manifest), epoch))


def pack_zip(
    target: Path, contents: Contents, manifest_name: str, manifest: str, epoch: int | None
) -> None:
    """Writes a zip with compression to `target`, in place of what is there.

    Args:
        target: its file.
        contents: every file but the manifest.
        manifest_name: name of the manifest in the zip.
        manifest: text of the manifest.
        epoch: time stamp of all entries in seconds since 1970, or None for those of the files.
    """
    files, method = contents.files(), zipfile.ZIP_DEFLATED
    _replace_file(
        target, lambda new: _write_zip(new, method, files, (manifest_name, manifest), epoch)
    )


def _replace_file(target: Path, write: Callable[[Path], None]) -> None:
    new = _new_name(target)
    try:
        write(new)
        os.replace(new, target)
    finally:
        new.unlink(missing_ok=True)


def _replace_directory(target: Path, write: Callable[[Path], None]) -> None:
    new, old = _new_name(target), _new_name(target)
    if target.exists() and not _may_be_replaced(target):
        raise ModelArchiverError(
            f"{target} is not replaced: it is not a model directory, having no {MANIFEST}"
        )
    try:
        new.mkdir()
        write(new)
        if target.exists():
            target.rename(old)
        try:
            new.rename(target)
        except OSError:
            if old.exists():
                old.rename(target)
            raise
    finally:
        shutil.rmtree(new, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


def _refuse_to_replace_a_source(target: Path, files: list[tuple[str, Path]]) -> None:
    if not target.exists():
        return
    for _, source in files:
        # By the path that was given, where a link may be, and by where that leads.
        for path in (Path(os.path.abspath(source)), source.resolve()):
            if any(parent.samefile(target) for parent in path.parents):
                raise ModelArchiverError(
                    f"{target} is not replaced: {source}, which is to be packed, is in it"
                )


def _may_be_replaced(directory: Path) -> bool:
    if directory.is_symlink() or not directory.is_dir():
        return False
    return (directory / MANIFEST).is_file() or not any(directory.iterdir())


def _new_name(target: Path) -> Path:
    return target.with_name(f".{target.name}.{secrets.token_hex(8)}")


def _copy_tree(root: Path, files: list[tuple[str, Path]], manifest: str) -> None:
    for name, source in files:
        copy = root / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, copy)
    (root / RESERVED_DIRECTORY).mkdir()
    (root / MANIFEST).write_text(manifest, encoding="utf-8")


def _write_zip(
    path: Path,
    method: int,
    files: list[tuple[str, Path]],
    manifest: tuple[str, str],
    epoch: int | None,
) -> None:
    with zipfile.ZipFile(path, "x", method) as archive:
        for name, source in files:
            status = source.stat()
            stamp = _zip_time(status.st_mtime if epoch is None else epoch, utc=epoch is not None)
            entry = zipfile.ZipInfo(name, stamp)
            entry.compress_type = method
            entry.external_attr = (stat.S_IFREG | _mode(status)) << 16
            entry.file_size = status.st_size
            with source.open("rb") as content, archive.open(entry, "w") as out:
                shutil.copyfileobj(content, out, _BUFFER_BYTES)
        now = time.time() if epoch is None else epoch
        name, text = manifest
        entry = zipfile.ZipInfo(name, _zip_time(now, utc=epoch is not None))
        entry.compress_type = method
        entry.external_attr = (stat.S_IFREG | 0o644) << 16
        archive.writestr(entry, text.encode())


def _zip_time(seconds: float, *, utc: bool) -> tuple[int, int, int, int, int, int]:
    """Local time as zips have it, or UTC where it must not depend on the machine."""
    moment = time.gmtime(seconds) if utc else time.localtime(seconds)
    stamp = (
        moment.tm_year,
        moment.tm_mon,
        moment.tm_mday,
        moment.tm_hour,
        moment.tm_min,
        moment.tm_sec,
    )
    return min(max(stamp, _ZIP_EARLIEST), _ZIP_LATEST)


def _write_tar(
    path: Path, root: str, files: list[tuple[str, Path]], manifest: str, epoch: int | None
) -> None:
    gzip_time = time.time() if epoch is None else epoch
    with (
        path.open("xb") as raw,
        gzip.GzipFile("", "wb", fileobj=raw, mtime=gzip_time) as compressed,
        tarfile.open(fileobj=compressed, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for name, source in files:
            status = source.stat()
            entry = tarfile.TarInfo(f"{root}/{name}")
            entry.size = status.st_size
            entry.mode = _mode(status)
            entry.mtime = int(status.st_mtime) if epoch is None else epoch
            with source.open("rb") as content:
                archive.addfile(entry, content)
        data = manifest.encode()
        entry = tarfile.TarInfo(f"{root}/{MANIFEST}")
        entry.size = len(data)
        entry.mode = 0o644
        entry.mtime = int(gzip_time)
        archive.addfile(entry, io.BytesIO(data))


def _mode(status: os.stat_result) -> int:
    """One of two modes: who packs does not matter, only whether a file can be run."""
    return 0o755 if status.st_mode & stat.S_IXUSR else 0o644
