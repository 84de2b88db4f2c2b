"""The chart of deploy/helm as Helm renders it."""

from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import yaml

REPOSITORY = Path(__file__).resolve().parents[2]
CHART = REPOSITORY / "deploy" / "helm" / "torchserve"
CPU = CHART / "values-cpu.yaml"
KUBERNETES = "1.34.0"
_HELM = REPOSITORY / "scripts" / "helm"


@cache
def refusal() -> str | None:
    """Why there is no Helm here, or None if there is one or it can be built."""
    done = subprocess.run([_HELM, "--can-be-had"], capture_output=True, text=True, check=False)
    return None if done.returncode == 0 else done.stdout.strip() or done.stderr.strip()


def helm(*words: str) -> subprocess.CompletedProcess[str]:
    """Runs Helm, which is built first where it has not been."""
    return subprocess.run(
        [_HELM, *words], capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False
    )


def render(*settings: str, values: Path | None = None) -> dict[tuple[str, str], dict[str, Any]]:
    """Returns the objects of a release in the namespace `serving`, by kind and name.

    `settings`: as for --set.
    """
    words = ["--namespace", "serving", "--kube-version", KUBERNETES]
    words += ["--values", str(values)] if values else []
    for setting in settings:
        words += ["--set", setting]
    done = helm("template", "torchserve", str(CHART), *words)
    assert done.returncode == 0, done.stderr
    objects = [content for content in yaml.safe_load_all(done.stdout) if content]
    found = {(content["kind"], content["metadata"]["name"]): content for content in objects}
    assert len(found) == len(objects)
    return found
