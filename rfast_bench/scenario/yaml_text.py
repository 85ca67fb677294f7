"""YAML of a stranger: safe, no key twice, and no more than a person would write."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import yaml

TAG = "tag:yaml.org,2002:"
LONGEST = 2**20
"""Characters of a file."""
MOST = 1_000_000
"""Words, numbers, lists and mappings, each counted as often as it is referred to."""
DEEPEST = 100
"""Lists and mappings inside one another. The quick loader recurs in C, where too deep a text would end the process."""
TOO_DEEP = f"it is nested too deeply, in more than {DEEPEST} lists and mappings"
_INDENTED = re.compile(rf"^[ \t?:-]{{{DEEPEST // 2}}}", re.MULTILINE)
"""Where block style may be that deep: a list may stand in the column of the mapping that it is in."""


class OnceOnly(yaml.SafeLoader):
    """The safe loader, refusing a key that comes twice in a mapping. Keys such as `off` are the words that they are,
    and values such as `1:30`, which YAML 1.1 takes for the number 90."""

    def resolve(self, kind: type[yaml.Node], value: Any, implicit: Any) -> Any:
        tag = super().resolve(kind, value, implicit)  # type: ignore[no-untyped-call]
        return f"{TAG}str" if tag in (f"{TAG}int", f"{TAG}float") and ":" in value else tag

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
    """What a text says. Raises YAMLError and ValueError, each told by `reason`.

    `quick`: of a text that is likely the suite's own, of which there are many.
    """
    if len(text) > LONGEST:
        raise ValueError(f"it is longer than {LONGEST} characters; long lists belong into files of their own")
    _is_shallow(text)
    loader = _QUICK(text) if quick else OnceOnly(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return None
        _size(node, {}, loader.resolve)
        return loader.construct_document(node)
    finally:
        loader.dispose()


def _is_shallow(text: str) -> None:
    """Raises ValueError where it is nested too deeply; the parser's events are read only where it may be."""
    if text.count("[") + text.count("{") <= DEEPEST and not _INDENTED.search(text):
        return
    depth = 0
    for event in yaml.parse(text, Loader=_QUICK):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            raise ValueError(TOO_DEEP)


def _size(
    node: yaml.Node, known: dict[int, tuple[int, int] | None], resolve: Callable[..., object]
) -> tuple[int, int]:
    """How many nodes it stands for, and how many are inside one another. Raises ValueError for too many, for one that
    is inside itself, and for a tag that does not fit, of which the loader would make what it can."""
    if id(node) not in known:
        known[id(node)] = None
        _fits(node, resolve)
        if isinstance(node, yaml.ScalarNode) and not node.value.isascii():
            node.value.encode()  # half a character, written as an escape, is none
        parts = node.value if isinstance(node, yaml.CollectionNode) else ()
        pairs = (part for pair in parts for part in (pair if isinstance(pair, tuple) else (pair,)))
        sizes = [_size(part, known, resolve) for part in pairs]
        known[id(node)] = (
            1 + sum(size for size, _ in sizes),
            1 + max((depth for _, depth in sizes), default=-1),
        )
    found = known[id(node)]
    if found is None:
        raise ValueError(f"an alias refers to what it stands in{_place(node)}")
    size, depth = found
    if size > MOST:
        raise ValueError(f"with its aliases written out it has more than {MOST} entries{_place(node)}")
    if depth > DEEPEST:
        raise ValueError(TOO_DEEP + _place(node))
    return found


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


def reason(problem: yaml.YAMLError | ValueError) -> str:
    """In one line."""
    return " ".join(str(problem).split())
