"""The systems under test, one small class each."""

from __future__ import annotations

from perf.deployment import Paths, System
from perf.systems.bare import BareServer
from perf.systems.litserve import LitServe
from perf.systems.mosec import Mosec
from perf.systems.torchserve import TorchServe012, TorchServeNext

OURS = TorchServeNext.name
BARE = BareServer.name
MOSEC = Mosec.name
TORCHSERVE = TorchServe012.name
PEERS = (MOSEC, LitServe.name, TORCHSERVE)


def all_systems(paths: Paths) -> list[System]:
    """Return every system, ours first."""
    return [
        TorchServeNext(paths),
        Mosec(paths),
        LitServe(paths),
        TorchServe012(paths),
        BareServer(paths),
    ]
