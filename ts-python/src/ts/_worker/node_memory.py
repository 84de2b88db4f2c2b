"""Memory of a worker that has cores of its own: from the NUMA nodes of these cores.

It is what ``numactl --membind`` does, by the same library, and for a process that runs: the cores
of a worker change when others come and go. Where the library is not there the kernel's own policy
holds, by which a page comes from the node of the core that touches it first, while that has memory.
"""

from __future__ import annotations

import contextlib
import ctypes
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ts._zygote.cores import nodes_of_cpus

_LIBRARY = "libnuma.so.1"


class NodeMemory:
    """The memory policy of the calling thread, and of those that it starts.

    Args:
        library: libnuma.
        nodes: The NUMA node of each logical CPU.
    """

    def __init__(self, library: Any, nodes: Mapping[int, int]) -> None:
        self._library = library
        self._nodes = nodes
        self._bound: set[int] = set(nodes.values())

    @classmethod
    def of_machine(
        cls,
        load: Callable[[], Any] | None = None,
        nodes: Callable[[], Mapping[int, int]] = nodes_of_cpus,
    ) -> NodeMemory | None:
        """Return it for a machine with several nodes and libnuma, else None.

        Args:
            load: Returns libnuma, or None where there is none or the system refuses its calls.
            nodes: Tells the NUMA node of each logical CPU.
        """
        found = nodes()
        if len(set(found.values())) < 2:
            return None
        library = (load or _load)()
        return None if library is None else cls(library, found)

    def bind(self, cpus: Iterable[int]) -> None:
        """Take memory from the nodes of these logical CPUs alone; of any, if they are of all."""
        wanted = {self._nodes[cpu] for cpu in cpus if cpu in self._nodes}
        if not wanted or wanted == self._bound:
            return
        if wanted == set(self._nodes.values()):
            self._library.numa_set_localalloc()
        else:
            mask = self._library.numa_parse_nodestring(",".join(map(str, sorted(wanted))).encode())
            if not mask:
                return  # a cpuset keeps this process off the node
            self._library.numa_set_membind(mask)
            self._library.numa_bitmask_free(mask)
        self._bound = wanted


def _load() -> Any:
    """Return libnuma; None where it is not installed, or a container's filter refuses its calls."""
    with contextlib.suppress(OSError, AttributeError):
        library = ctypes.CDLL(_LIBRARY)
        library.numa_parse_nodestring.argtypes = [ctypes.c_char_p]
        library.numa_parse_nodestring.restype = ctypes.c_void_p
        for function in (library.numa_set_membind, library.numa_bitmask_free):
            function.argtypes = [ctypes.c_void_p]
            function.restype = None
        library.numa_set_localalloc.restype = None
        return library if library.numa_available() >= 0 else None
    return None
