"""YAML of a stranger: safe, no key twice, and no more than a person would write."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import yaml

TAG = "tag:yaml.org,2002:"
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


_QUICK: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""Ten times as fast, for files that the suite has written; it takes a key that comes twice."""


def load(text: str, quick: bool = False) -> Any:
    """What a text says. Raises YAMLError, ValueError and RecursionError, each told by `reason`.

    `quick`: of a text that is likely the suite's own, of which there are many.
    """
    if len(text) > LONGEST:
        raise ValueError(f"it is longer than {LONGEST} characters; long lists belong into files of their own")
    loader = _QUICK(text) if quick else OnceOnly(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return None
        _size(node, {}, loader.resolve)
        return loader.construct_document(node)
    finally:
        loader.dispose()


def _size(node: yaml.Node, known: dict[int, int | None], resolve: Callable[..., object]) -> int:
    """How many nodes it stands for. Raises ValueError for too many, for one that is inside itself, and for a tag that
    does not fit, of which the loader would make what it can."""
    if id(node) not in known:
        known[id(node)] = None
        _fits(node, resolve)
        if isinstance(node, yaml.ScalarNode) and not node.value.isascii():
            node.value.encode()  # half a character, written as an escape, is none
        parts = node.value if isinstance(node, yaml.CollectionNode) else ()
        pairs = (part for pair in parts for part in (pair if isinstance(pair, tuple) else (pair,)))
        known[id(node)] = 1 + sum(_size(part, known, resolve) for part in pairs)
    size = known[id(node)]
    if size is None:
        raise ValueError(f"an alias refers to what it stands in{_place(node)}")
    if size > MOST:
        raise ValueError(f"with its aliases written out it has more than {MOST} entries{_place(node)}")
    return size


def _fits(node: yaml.Node, resolve: Callable[..., object]) -> None:
    """Raises ValueError where a value is tagged as what it does not look like; tags of others are the loader's."""
    if not node.tag.startswith(TAG) or node.tag == f"{TAG}str":
        return
    looks = f"{TAG}map" if isinstance(node, yaml.MappingNode) else f"{TAG}seq"
    if isinstance(node, yaml.ScalarNode):
        looks = str(resolve(yaml.ScalarNode, node.value, (True, False)))
    if node.tag != looks:
        said, found = (tag.removeprefix(TAG) for tag in (node.tag, looks))
        raise ValueError(f"what is tagged !!{said} looks like !!{found}{_place(node)}; leave the tag out")


def _place(node: yaml.Node) -> str:
    return f", line {node.start_mark.line + 1}"


def reason(problem: yaml.YAMLError | ValueError | RecursionError) -> str:
    """In one line."""
    if isinstance(problem, RecursionError):
        return "it is nested too deeply"
    return " ".join(str(problem).split())
