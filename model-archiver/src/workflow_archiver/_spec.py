"""Checks of a specification, before anything is written. The server checks it again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from model_archiver._checks import check_model_name
from model_archiver._yaml import MAX_BYTES, load_yaml
from model_archiver.model_archiver_error import ModelArchiverError

from workflow_archiver.workflow_archiver_error import WorkflowArchiverError

_MAX_NODES = 64
_MAX_DEPTH = 32
_MAX_COUNT = 1000
_MAX_RETRIES = 100
_MAX_MILLIS = 24 * 60 * 60 * 1000
_OPTIONS = {
    "min-workers": (1, _MAX_COUNT),
    "max-workers": (1, _MAX_COUNT),
    "batch-size": (1, _MAX_COUNT),
    "max-batch-delay": (0, _MAX_MILLIS),
    "retry-attempts": (0, _MAX_RETRIES),
    "timeout-ms": (1, _MAX_MILLIS),
}
"""The least and the largest value of each key, as the server takes them."""

_Map = dict[Any, Any]


class _Fault(Exception):
    """What is wrong with a specification."""


def check_spec(path: Path, workflow: str, *, has_handler: bool) -> None:
    """Refuses a specification that a server would refuse.

    Args:
        path: of the YAML file.
        workflow: its name, which the names of its models begin with.
        has_handler: whether there is a file for functions.

    Raises:
        WorkflowArchiverError: it names the file, the key and what was expected.
    """
    try:
        _check(path, workflow, has_handler=has_handler)
    except _Fault as fault:
        raise WorkflowArchiverError(f"Spec file {path}: {fault}") from fault


def _check(path: Path, workflow: str, *, has_handler: bool) -> None:
    try:
        document = load_yaml(path.read_bytes()[: MAX_BYTES + 1])
    except (yaml.YAMLError, UnicodeDecodeError) as e:
        raise _Fault(f"it is not valid YAML: {e}") from e
    if not isinstance(document, dict):
        raise _Fault("it is not a map, expected the keys models and dag")
    models = _section(document, "models")
    _check_models(models)
    nodes = _nodes_of(_section(document, "dag"))
    for node in nodes:
        try:
            check_model_name(f"{workflow}__{node}")
        except ModelArchiverError as e:
            raise _Fault(f"the node {node!r} cannot be the model {workflow}__{node}: {e}") from e
    functions = nodes - {str(name) for name, node in models.items() if isinstance(node, dict)}
    if functions and not has_handler:
        raise _Fault(
            f"{', '.join(sorted(functions))} in dag is not in models, so it has to be a function; "
            "name the file that it is in with --handler"
        )


def _section(document: _Map, key: str) -> _Map:
    section = document.get(key)
    if section is None and key == "models" and key in document:
        return {}
    if not isinstance(section, dict):
        raise _Fault(f"{key} is {section!r}, expected a map")
    return section


def _check_models(models: _Map) -> None:
    defaults = {}
    for name, node in models.items():
        if isinstance(node, dict):
            continue
        if name not in _OPTIONS:
            raise _Fault(
                f"models.{name} is {node!r}, expected a map with a url, or one of the keys "
                f"{', '.join(sorted(_OPTIONS))}"
            )
        defaults[name] = node
    _check_options("models", defaults, {})
    for name, node in models.items():
        if isinstance(node, dict):
            if not isinstance(node.get("url"), str) or not node["url"].strip():
                raise _Fault(f"models.{name} has no url")
            _check_options(f"models.{name}", node, defaults)


def _check_options(place: str, given: _Map, defaults: _Map) -> None:
    for key, (least, most) in _OPTIONS.items():
        value = given.get(key)
        if value is not None and (type(value) is not int or not least <= value <= most):
            raise _Fault(
                f"{place}.{key} is {value!r}, expected a whole number from {least} to {most}"
            )
    fewest = given.get("min-workers") or defaults.get("min-workers") or 1
    workers = given.get("max-workers")
    if workers is not None and workers < fewest:
        raise _Fault(
            f"{place}.max-workers is {workers}, expected at least min-workers, which is {fewest}"
        )


def _nodes_of(dag: _Map) -> set[str]:
    """All nodes; refuses graphs that are too large, have several starts, or have cycles."""
    children: dict[str, list[str]] = {}
    for name, after in dag.items():
        if after is not None and not isinstance(after, list):
            raise _Fault(f"dag.{name} is {after!r}, expected a list of nodes")
        for child in after or []:
            if isinstance(child, (dict, list)):
                raise _Fault(f"dag.{name} has {child!r} in its list, expected names of nodes")
        node = str(name)
        children[node] = [str(child) for child in after or [] if child not in (None, "")]
        if node in children[node]:
            raise _Fault(f"Self loop exception, the node {node} comes after itself")
        if len(set(children[node])) < len(children[node]):
            raise _Fault(f"loop exception, the node {node} names a node twice: {children[node]}")
    nodes = set(children).union(*children.values()) if children else set()
    if len(nodes) > _MAX_NODES:
        raise _Fault(f"dag has {len(nodes)} nodes, expected at most {_MAX_NODES}")
    _check_order(nodes, children)
    return nodes


def _check_order(nodes: set[str], children: dict[str, list[str]]) -> None:
    parents = dict.fromkeys(nodes, 0)
    for after in children.values():
        for child in after:
            parents[child] += 1
    free = [node for node, count in parents.items() if count == 0]
    if len(free) != 1:
        raise _Fault(
            "DAG should have only one start node, found " + (", ".join(sorted(free)) or "none")
        )
    depth = dict.fromkeys(free, 1)
    taken = 0
    while free:
        taken += 1
        node = free.pop()
        if depth[node] > _MAX_DEPTH:
            raise _Fault(
                f"Not a valid DAG, more than {_MAX_DEPTH} nodes come one after another, up to "
                f"{node}"
            )
        for child in children.get(node, []):
            depth[child] = max(depth.get(child, 0), depth[node] + 1)
            parents[child] -= 1
            if parents[child] == 0:
                free.append(child)
    if taken < len(nodes):
        raise _Fault("Not a valid DAG, it has a cycle")
