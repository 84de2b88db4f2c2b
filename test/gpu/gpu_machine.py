"""The GPUs of this machine, and what the tests ask a server on it."""

from __future__ import annotations

import subprocess

import requests
from torchserve_process import TorchServe


def gpus() -> int:
    """How many GPUs of NVIDIA there are."""
    try:
        listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return 0
    return sum(line.startswith("GPU ") for line in listed.stdout.splitlines())


def register(server: TorchServe, name: str, workers: int = 1) -> requests.Response:
    """Register a model of the store, and wait until it is loaded or has failed."""
    url = f"{server.management}/models?url={name}&initial_workers={workers}&synchronous=true"
    return requests.post(url, timeout=300)
