"""The one way to read YAML here: plain data, whatever the tags say, and limits.

The limits are those of the server, which reads the same files: what it would refuse is not packed.
The package ``ts`` has the same module; this one stands alone, as the archiver does without it.
"""

from __future__ import annotations

from typing import Any

import yaml

MAX_BYTES = 1 << 20
MAX_ALIASES = 30
"""How many aliases may stand for a list or a map; those of plain values are free."""
MAX_DEPTH = 50

_MERGE = "tag:yaml.org,2002:merge"

YamlError = yaml.YAMLError


class _BoundedLoader(yaml.SafeLoader):
    """Makes plain data only, and gives up beyond a limit."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._aliases = 0
        self._depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        alias = self.check_event(yaml.AliasEvent)
        mark = None if parent is None else parent.start_mark
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise yaml.composer.ComposerError(None, None, f"more than {MAX_DEPTH} levels", mark)
        node = super().compose_node(parent, index)
        self._depth -= 1
        if alias and isinstance(node, yaml.CollectionNode):
            self._aliases += 1
            if self._aliases > MAX_ALIASES:
                problem = f"more than {MAX_ALIASES} aliases of lists and maps"
                raise yaml.composer.ComposerError(None, None, problem, mark)
        return node

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        """Refuses a key that stands twice: only one of both would count."""
        node: yaml.MappingNode = super().compose_mapping_node(anchor)
        seen = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.tag == _MERGE:
                continue
            if (key.tag, key.value) in seen:
                problem = f"the key {key.value} stands twice"
                raise yaml.composer.ComposerError(None, None, problem, key.start_mark)
            seen.add((key.tag, key.value))
        return node


def load_yaml(data: bytes) -> Any:
    """Return the content of one document: dicts, lists and plain values; None if it is empty.

    Raises:
        YamlError: It is not YAML, asks for objects, or goes beyond a limit.
        UnicodeDecodeError: It is not UTF-8.
    """
    if len(data) > MAX_BYTES:
        raise YamlError(f"{len(data)} bytes, expected at most {MAX_BYTES}")
    loader = _BoundedLoader(data.decode("utf-8-sig"))
    try:
        return loader.get_single_data()
    except (ValueError, TypeError) as error:  # such as `!!int x`, or a map as a key
        raise YamlError(str(error)) from error
    finally:
        loader.dispose()
