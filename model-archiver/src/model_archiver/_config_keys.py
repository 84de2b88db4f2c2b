"""The top-level keys of model-config.yaml that the server, or code of the package `ts`, reads."""

from __future__ import annotations

import difflib

KNOWN_KEYS = frozenset(
    {
        "minWorkers",
        "maxWorkers",
        "batchSize",
        "maxBatchDelay",
        "responseTimeout",
        "startupTimeout",
        "maxRetryTimeoutInSec",
        "clientTimeoutInMills",
        "jobQueueSize",
        "useJobTicket",
        "retryOnWorkerDeath",
        "maxFailuresInRow",
        "deviceType",
        "deviceIds",
        "continuousBatching",
        "sequenceBatching",
        "sequenceMaxIdleMSec",
        "sequenceTimeoutMSec",
        "maxNumSequence",
        "maxSequenceJobQueueSize",
        "asyncCommunication",
        "concurrency",
        "useVenv",
        "workerStart",
        "preloadModel",
        "templateImports",
        "cpuLauncher",
        "parallelType",
        "parallelLevel",
        "torchrun",
        "servedModelName",
        "warmup",
        "handler",
        "pt2",
        "micro_batching",
        "pippy",
        "deepspeed",
        "dali",
    }
)

_ALIKE = 0.85


def meant_by(key: str) -> str | None:
    """Return the known key that an unknown one was most likely meant to be.

    Other keys may be the handler's own: for these it is None, as for known ones.
    """
    if key in KNOWN_KEYS:
        return None
    plain = {_plain(known): known for known in KNOWN_KEYS}
    alike = difflib.get_close_matches(_plain(key), plain, n=1, cutoff=_ALIKE)
    return plain[alike[0]] if alike else None


def _plain(key: str) -> str:
    return key.lower().replace("_", "").replace("-", "")
