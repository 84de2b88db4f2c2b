"""Who owns a file that several servers can reach: the process that holds its lock.

The locks are those of POSIX, as in the JVM: a process has them, keeps them through `exec`, and the
kernel releases them when it ends, however it ends. The kernel also tells who holds one, by the
number that the process has where it is asked. A process must not open a file again that it has
locked: closing it would release the lock.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import socket
import struct
import sys
from dataclasses import dataclass
from pathlib import Path

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_MOUNTS = Path("/proc/self/mountinfo")
_HIGHEST_STANDARD_DESCRIPTOR = 2

# File systems that one kernel alone has mounted, and those of several hosts that keep their locks
# where all hosts look, unless an option says otherwise; the same as in `Host` of the frontend.
_OF_ONE_KERNEL = frozenset(
    "apfs aufs bcachefs btrfs exfat ext2 ext3 ext4 f2fs hfs jfs ntfs3 overlay ramfs reiserfs tmpfs "
    "ufs vfat xfs zfs".split()
)
_WITH_COMMON_LOCKS = frozenset("ceph cifs fuse.glusterfs gfs2 lustre nfs nfs4 ocfs2 smb3".split())
_KEEP_LOCKS = frozenset("nolock local_lock=all local_lock=posix localflock nobrl".split())

if sys.platform == "darwin":
    _LOCK_FORMAT, _TYPE, _PID = "qqihh", 3, 2  # start, length, pid, type, whence
else:
    _LOCK_FORMAT, _TYPE, _PID = "hhqqi4x", 0, 4  # type, whence, start, length, pid


@dataclass(frozen=True, slots=True)
class Owned:
    """A running process holds the lock.

    Args:
        pid: Its number here; None if it has none, as in another container or on another host.
    """

    pid: int | None


@dataclass(frozen=True, slots=True)
class Abandoned:
    """The owner has ended."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """It cannot be told: what the file belongs to is left alone."""


Ownership = Owned | Abandoned | Unknown


def owner_of(path: Path, host: str | None) -> Ownership:
    """Return who owns a file, which this process must not have locked itself.

    Args:
        path: The file.
        host: The mark of the host on which it was made, or None if that is not known.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return Unknown()
    try:
        asked = _whole_file(fcntl.F_WRLCK)
        told = struct.unpack(_LOCK_FORMAT, fcntl.fcntl(descriptor, fcntl.F_GETLK, asked))
    except OSError:
        return Unknown()  # a file system without locks
    finally:
        os.close(descriptor)
    ours = host is None or host == host_mark()
    if told[_TYPE] != fcntl.F_UNLCK:
        return Owned(told[_PID] if ours and told[_PID] > 0 else None)
    if host == host_mark() or sees_every_lock(path):
        return Abandoned()
    return Unknown()


def lock(descriptor: int) -> bool:
    """Lock a file that is open for writing; return False if it cannot be. Does not wait."""
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def create(path: Path) -> int:
    """Make a new file that only its owner can read, and return a descriptor to lock it by.

    Raises:
        OSError: It exists, or cannot be made.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    if descriptor > _HIGHEST_STANDARD_DESCRIPTOR:
        return descriptor
    # Where a standard stream is closed: its place must stay free for the server's own.
    try:
        return fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, _HIGHEST_STANDARD_DESCRIPTOR + 1)
    finally:
        os.close(descriptor)


def host_mark() -> str:
    """Return a name of this kernel until it is booted anew: containers of one machine share it."""
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        return f"name:{socket.gethostname()}"


def sees_every_lock(path: Path, mounts: Path = _MOUNTS) -> bool:
    """Return whether a lock on a file is seen by every host that can open it; False if in doubt."""
    kind, options = _file_system(path, mounts)
    return kind in _OF_ONE_KERNEL or (kind in _WITH_COMMON_LOCKS and not options & _KEEP_LOCKS)


def is_on_this_host_alone(path: Path, mounts: Path = _MOUNTS) -> bool:
    """Return whether no other host can open a file; False if in doubt."""
    return _file_system(path, mounts)[0] in _OF_ONE_KERNEL


def _file_system(path: Path, mounts: Path) -> tuple[str, frozenset[str]]:
    """Return type and options of the file system in which something lies, as far as it is known."""
    best: tuple[int, str, frozenset[str]] = (0, "", frozenset())
    with contextlib.suppress(OSError, ValueError):
        real = path.resolve(strict=True)
        for line in mounts.read_text(encoding="utf-8", errors="surrogateescape").splitlines():
            before, separator, after = line.partition(" - ")
            fields, described = before.split(" "), after.split(" ")
            if not separator or len(fields) < 6 or len(described) < 3:
                continue
            point = Path(re.sub(r"\\(\d{3})", lambda match: chr(int(match[1], 8)), fields[4]))
            depth = len(point.parts)
            # Of two file systems on one folder the later one covers the earlier one.
            if depth >= best[0] and (real == point or point in real.parents):
                options = frozenset(f"{fields[5]},{described[-1]}".split(","))
                best = (depth, described[0], options)
    return best[1], best[2]


def _whole_file(kind: int) -> bytes:
    values = [0] * 5
    values[_TYPE] = kind
    return struct.pack(_LOCK_FORMAT, *values)
