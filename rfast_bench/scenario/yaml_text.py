"""YAML of a stranger: safe, no key twice, and no more than a person would write."""

from __future__ import annotations

from typing import Any

import yaml

LONGEST = 2**20
"""Characters of a file."""
MOST = 1_000_000
"""Words, numbers, lists and mappings, each counted as often as it is referred to."""


class OnceOnly(yaml.SafeLoader):
    """The safe loader, refusing a key that comes twice in a mapping. Keys such as `off` are the words that they are."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key_node, _ in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":
                continue  # `<<`: what is said beside it comes before what it brings
            if key_node.tag == "tag:yaml.org,2002:bool":
                key_node.tag = "tag:yaml.org,2002:str"
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str | int | float | None):
                raise yaml.MarkedYAMLError(
                    problem=f"a key must be a word, found a {type(key).__name__}",
                    problem_mark=key_node.start_mark,
                )
            if (type(key), key) in seen:
                raise yaml.MarkedYAMLError(
                    problem=f"key '{key}' comes twice", problem_mark=key_node.start_mark
                )
            seen.add((type(key), key))
        return super().construct_mapping(node, deep)


def load(text: str) -> Any:
    """What a text says. Raises YAMLError, ValueError and RecursionError, each told by `reason`."""
    if len(text) > LONGEST:
        raise ValueError(f"it is longer than {LONGEST} characters; long lists belong into files of their own")
    loader = OnceOnly(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return None
        _size(node, {})
        return loader.construct_document(node)
    finally:
        loader.dispose()


def _size(node: yaml.Node, known: dict[int, int | None]) -> int:
    """How many nodes it stands for. Raises ValueError for too many, and for one that is inside itself."""
    if id(node) not in known:
        known[id(node)] = None
        if isinstance(node, yaml.ScalarNode) and not node.value.isascii():
            node.value.encode()  # half a character, written as an escape, is none
        parts = node.value if isinstance(node, yaml.CollectionNode) else ()
        pairs = (part for pair in parts for part in (pair if isinstance(pair, tuple) else (pair,)))
        known[id(node)] = 1 + sum(_size(part, known) for part in pairs)
    size = known[id(node)]
    if size is None:
        raise ValueError(f"an alias refers to what it stands in{_place(node)}")
    if size > MOST:
        raise ValueError(f"with its aliases written out it has more than {MOST} entries{_place(node)}")
    return size


def _place(node: yaml.Node) -> str:
    return f", line {node.start_mark.line + 1}"


def reason(problem: yaml.YAMLError | ValueError | RecursionError) -> str:
    """In one line."""
    if isinstance(problem, RecursionError):
        return "it is nested too deeply"
    return " ".join(str(problem).split())
