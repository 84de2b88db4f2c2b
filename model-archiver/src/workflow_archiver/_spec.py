"""Checks of a specification, before anything is written. The server checks it again."""

from __future__ import annotations

from pathlib import Path

import yaml
from model_archiver._yaml import MAX_BYTES, load_yaml

from workflow_archiver.workflow_archiver_error import WorkflowArchiverError

_OPTIONS = frozenset(
    {
        "min-workers",
        "max-workers",
        "batch-size",
        "max-batch-delay",
        "retry-attempts",
        "timeout-ms",
    }
)


def check_spec(path: Path, *, has_handler: bool) -> None:
    """Refuses a specification that a server would refuse.

    Args:
        path: of the YAML file.
        has_handler: whether there is a file for functions.

    Raises:
        WorkflowArchiverError: it names the file, the key and what was expected.
    """
    try:
        document = load_yaml(path.read_bytes()[: MAX_BYTES + 1])
    except (yaml.YAMLError, UnicodeDecodeError) as e:
        raise WorkflowArchiverError(f"Spec file {path} is not valid YAML: {e}") from e
    if not isinstance(document, dict):
        raise WorkflowArchiverError(
            f"Spec file {path} is not a map, expected the keys models and dag"
        )
    models, dag = _section(path, document, "models"), _section(path, document, "dag")
    nodes = {str(name) for name, node in models.items() if isinstance(node, dict)}
    for name, node in models.items():
        if isinstance(node, dict):
            if not isinstance(node.get("url"), str) or not node["url"].strip():
                raise WorkflowArchiverError(f"Spec file {path}: models.{name} has no url")
        elif name not in _OPTIONS:
            raise WorkflowArchiverError(
                f"Spec file {path}: models.{name} is {node!r}, expected a map with a url, or one "
                f"of the keys {', '.join(sorted(_OPTIONS))}"
            )
    functions = _nodes_of(path, dag) - nodes
    if functions and not has_handler:
        raise WorkflowArchiverError(
            f"Spec file {path}: {', '.join(sorted(functions))} in dag is not in models, so it has "
            "to be a function; name the file that it is in with --handler"
        )


def _section(path: Path, document: dict[object, object], key: str) -> dict[object, object]:
    section = document.get(key)
    if section is None and key == "models" and key in document:
        return {}
    if not isinstance(section, dict):
        raise WorkflowArchiverError(f"Spec file {path}: {key} is {section!r}, expected a map")
    return section


def _nodes_of(path: Path, dag: dict[object, object]) -> set[str]:
    """All nodes; refuses graphs with several starts or with cycles."""
    children: dict[str, list[str]] = {}
    for name, after in dag.items():
        if after is not None and not isinstance(after, list):
            raise WorkflowArchiverError(
                f"Spec file {path}: dag.{name} is {after!r}, expected a list of nodes"
            )
        children[str(name)] = [str(child) for child in after or [] if child not in (None, "")]
    nodes = set(children).union(*children.values()) if children else set()
    parents = dict.fromkeys(nodes, 0)
    for after in children.values():
        for child in after:
            parents[child] += 1
    free = [node for node, count in parents.items() if count == 0]
    if len(free) != 1:
        raise WorkflowArchiverError(
            f"Spec file {path}: DAG should have only one start node, found "
            f"{', '.join(sorted(free)) or 'none'}"
        )
    taken = 0
    while free:
        taken += 1
        for child in children.get(free.pop(), []):
            parents[child] -= 1
            if parents[child] == 0:
                free.append(child)
    if taken < len(nodes):
        raise WorkflowArchiverError(f"Spec file {path}: Not a valid DAG, it has a cycle")
    return nodes
