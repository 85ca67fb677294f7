"""Files that pages link to are pages of the site too, with their text in colours; links to folders stay as words."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx

BELOW = "files"
"""The folder of the site that these pages are in."""
LINK = re.compile(r"\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)\s#]+)\)")


def _without_folders(app: Sphinx, name: str, source: list[str]) -> None:
    """Links to folders of the repository, which have no page, as the words that they stand on."""
    here = Path(app.srcdir) / posixpath.dirname(name)

    def told(found: re.Match[str]) -> str:
        return found[1] if (here / found[2]).is_dir() else found[0]

    source[0] = LINK.sub(told, source[0])


def _to_pages(app: Sphinx, doctree: nodes.document, name: str) -> None:
    """What would be downloaded leads to the page of the file."""
    linked: dict[str, None] = app.env.rfast_linked  # type: ignore[attr-defined]
    for node in list(doctree.findall(addnodes.download_reference)):
        target = posixpath.normpath(posixpath.join(posixpath.dirname(name), node["reftarget"]))
        linked[target] = None
        uri = app.builder.get_relative_uri(name, f"{BELOW}/{target}")
        node.replace_self(nodes.reference("", "", *node.children, refuri=uri, internal=True))


def _pages(app: Sphinx) -> Iterator[tuple[str, dict[str, Any], str]]:
    for path in app.env.rfast_linked:  # type: ignore[attr-defined]
        text = (Path(app.srcdir) / path).read_text(encoding="utf-8")
        language = {".py": "python", ".yaml": "yaml", ".toml": "toml"}.get(
            posixpath.splitext(path)[1], "text"
        )
        body = app.builder.highlighter.highlight_block(text, language, linenos="inline")  # type: ignore[attr-defined]
        title = f"<h1><code>{path}</code></h1>"
        yield f"{BELOW}/{path}", {"title": path, "body": title + body, "toc": ""}, "page.html"


def setup(app: Sphinx) -> dict[str, Any]:
    """Called by Sphinx."""
    app.connect("builder-inited", lambda app: setattr(app.env, "rfast_linked", {}))
    app.connect("source-read", _without_folders)
    app.connect("doctree-resolved", _to_pages)
    app.connect("html-collect-pages", _pages)
    return {"parallel_read_safe": True, "parallel_write_safe": False}
