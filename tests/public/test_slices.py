"""What of a script a class needs: that, in its lines, and nothing that a script does."""

from __future__ import annotations

import pytest

from rfast_bench.public.slices import needed

SCRIPT = '''"""A study."""

from __future__ import annotations

import math
import os.path
import numpy as np, sys
from rfast_bench.api import *

SCALE = 2.0
SCALE *= math.pi
UNUSED = open("nowhere")
table = {}
table["a"] = SCALE
if SCALE > 1:
    def helper(x):
        return x * SCALE
else:
    helper = None

class Base:
    half = 0.5

@decorated(by=table)
class Mine(Base):
    """Uses helper."""

    def go(self) -> np.ndarray:
        return helper(self.half)

run(Mine); other = 1

if __name__ == "__main__":
    Mine = None
'''


def test_the_statements_that_bind_what_it_uses() -> None:
    lines = needed(SCRIPT, "Mine").splitlines()
    whole = SCRIPT.splitlines()
    assert all(line in ("", before) for line, before in zip(lines, whole, strict=False))
    kept = "\n".join(line for line in lines if line)
    assert "from __future__ import annotations" in kept
    assert "from rfast_bench.api import *" in kept
    for word in (
        "import math",
        "import numpy",
        "SCALE = 2.0",
        "SCALE *=",
        'table["a"]',
        "def helper",
        "class Base",
    ):
        assert word in kept
    for word in ("UNUSED", "os.path", "run(Mine)", "__main__"):
        assert word not in kept
    assert lines[whole.index("@decorated(by=table)")] == "@decorated(by=table)"


def test_the_last_of_several_definitions_counts() -> None:
    text = "import gone\nclass A(gone.X): pass\ny = 1\n\nclass A:\n    y = y\n"
    assert needed(text, "A") == "\n\ny = 1\n\nclass A:\n    y = y\n"
    assert needed("x = 1\nx = x + 1\nx = x * 2\n", "x") == "x = 1\nx = x + 1\nx = x * 2\n"


@pytest.mark.parametrize(
    "change", ["A.y = 2", "A.y += 2", "A.z[0].w = 2", "del A.y", "for A.y in range(3):\n    pass"]
)
def test_what_changes_it_afterwards_belongs_to_it(change: str) -> None:
    text = f"class A:\n    y = 1\nprint(A)\n{change}\n"
    assert needed(text, "A") == text.replace("print(A)", "")


def test_a_line_of_several_statements_stays_whole() -> None:
    assert needed("a = 1; b = a\nc = 2\n", "b") == "a = 1; b = a\n"
