"""The site of these pages: `make docs`. Its order is in `index.md`.

Its root is the whole checkout, so that links from a page to results, to the README or to a file mean the same here as
where the repository is read.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT)]

project = "rfast-bench"
author = "The rfast-bench authors"
copyright = author
root_doc = "docs/index"
extensions = ["myst_parser", "sphinx.ext.autodoc", "docs.site.linked_files", "docs.site.plain_docstrings"]
include_patterns = [
    "docs/**.md",
    "results/*/README.md",
    "results/*/table.md",
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "SECURITY.md",
]
exclude_patterns = [
    *(
        path.name
        for path in ROOT.iterdir()
        if path.is_dir() and path.name not in ("docs", "results") and not path.is_symlink()
    ),
    "results/*/*/*",
    "docs/site",
]
myst_heading_anchors = 4
suppress_warnings = ["myst.header"]  # a README's headings may start below the first
html_theme = "furo"
html_title = "rfast-bench"
html_static_path = ["site/static"]
templates_path = ["site/templates"]
html_js_files = ["search.js"]
html_css_files = ["site.css"]
html_additional_pages = {"index": "redirect.html"}
html_copy_source = False
html_show_sphinx = False
html_use_index = False
html_domain_indices = False
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
default_role = "code"
pygments_style = "friendly"
