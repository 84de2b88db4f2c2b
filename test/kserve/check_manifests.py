"""Checks Kubernetes objects of KServe against the SDK's own models; prints JSON, faults by file.

The models know the name and the type of every member, and which must be there.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kserve.models
import kubernetes.client.models
import yaml

KINDS = {
    ("serving.kserve.io/v1alpha1", "ClusterServingRuntime"): "V1alpha1ClusterServingRuntime",
    ("serving.kserve.io/v1beta1", "InferenceService"): "V1beta1InferenceService",
}
PLAIN = {"str": str, "int": int, "bool": bool, "float": (int, float), "object": object}


def faults(value: Any, expected: str, place: str) -> Iterator[str]:
    """What is wrong with a value of a type, as the models name types."""
    items = re.fullmatch(r"[Ll]ist\[(.+)]", expected)
    members = re.fullmatch(r"[Dd]ict[(\[]str, (.+)[)\]]", expected)
    if items:
        if not isinstance(value, list):
            yield f"{place} is no list"
            return
        for index, item in enumerate(value):
            yield from faults(item, items.group(1), f"{place}[{index}]")
    elif members:
        if not isinstance(value, dict):
            yield f"{place} is no object"
            return
        for name, member in value.items():
            yield from faults(member, members.group(1), f"{place}.{name}")
    elif expected in PLAIN:
        if not isinstance(value, PLAIN[expected]):
            yield f"{place} is {value!r}, expected {expected}"
    else:
        yield from faults_of_model(value, expected, place)


def faults_of_model(value: Any, name: str, place: str) -> Iterator[str]:
    """What is wrong with an object of a model."""
    model = getattr(kserve.models, name, None) or getattr(kubernetes.client.models, name)
    if not isinstance(value, dict):
        yield f"{place} is no object"
        return
    attributes = {json_name: name for name, json_name in model.attribute_map.items()}
    given = {}
    for member, content in value.items():
        if member not in attributes:
            yield f"{place}.{member} is not known"
            continue
        given[attributes[member]] = content
        yield from faults(content, model.openapi_types[attributes[member]], f"{place}.{member}")
    if name == "V1beta1ModelSpec":
        given.setdefault("name", "")  # KServe's controller names it
    try:
        model(**given)
    except ValueError as error:
        yield f"{place}: {error}"


def check(file: Path) -> list[str]:
    """All faults of a file with one object."""
    given = yaml.safe_load(file.read_text(encoding="utf-8"))
    kind = KINDS.get((given.get("apiVersion"), given.get("kind")))
    return ["not a kind of KServe"] if kind is None else list(faults(given, kind, ""))


print(json.dumps({Path(name).name: check(Path(name)) for name in sys.argv[1:]}))
