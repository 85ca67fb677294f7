"""`kind: python`: what a user's function may give, and how each way of getting it wrong is told."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import TypeAdapter

from rfast_bench.errors import UserError
from rfast_bench.plan import digests
from rfast_bench.problems.data.datasets import Data, load
from rfast_bench.scenario.problem.data import DatasetSpec

DATASET: TypeAdapter[Any] = TypeAdapter(DatasetSpec)


def read(folder: Path, code: str, fraction: float = 0.0, task: Any = None, **keys: Any) -> Data:
    """Of `load` in a file that starts with some imports and `X`, `y` of 40 samples in 3 classes."""
    start = """
        import numpy as np, torch
        X, y = np.random.default_rng(0).normal(size=(40, 6)).astype("float32"), np.arange(40) % 3
    """
    (folder / "my_data.py").write_text(textwrap.dedent(start) + textwrap.dedent(code))
    return load(spec(folder, **keys), fraction, "float64", "problem", task=task, shaped=True)


def spec(folder: Path, **keys: Any) -> Any:
    given = {"kind": "python", "source": "my_data.py:load", **keys}
    return DATASET.validate_python(given, context={"folder": folder})


MAP = """
class Map:
    def __init__(self, items): self.items = items
    def __len__(self): return len(self.items)
    def __getitem__(self, k): return self.items[k]
"""


# ------------------------------------------------------------------------------------------------ what it gives
@pytest.mark.parametrize(
    "code",
    [
        "def load(): return X, y",
        "def load(): return [X, y]",
        "def load(): return torch.from_numpy(X), torch.from_numpy(y)",
        "def load(): return X.tolist(), y.tolist()",
        "def load(): return {'X': X, 'y': y}",
        "def load(): return torch.utils.data.TensorDataset(torch.tensor(X), torch.tensor(y))",
        "def load(): return list(zip(X, y))",
        "def load(): return [(x, int(t)) for x, t in zip(X, y)]",
        "def load(): return X, y[:, None]",
        MAP + "def load(): return Map([{'image': x, 'label': int(t)} for x, t in zip(X, y)])",
        "import pandas as pd\ndef load(): return pd.DataFrame(X), pd.Series(y)",
        "def load(): return np.ma.masked_array(X), np.ma.masked_invalid(y)",
        "def load(): return list(torch.tensor(X)), list(torch.tensor(y))",
        "def load(): return torch.tensor(X).to_sparse(), torch.tensor(y)",
    ],
)
def test_arrays_and_map_style_sets_are_read_alike(tmp_path: Path, code: str) -> None:
    data = read(tmp_path, code)
    x = np.random.default_rng(0).normal(size=(40, 6)).astype("float32")
    np.testing.assert_array_equal(data.features, x.astype(float))
    assert data.labels.tolist() == [k % 3 for k in range(40)]
    assert (data.classes, data.owners, len(data.test_labels)) == (3, None, 0)


@pytest.mark.parametrize(
    "code",
    [
        "def load(): return (X[:30], y[:30]), (X[30:], y[30:])",
        "def load(): return {'train': (X[:30], y[:30]), 'test': (X[30:], y[30:])}",
        "def load(): return {'train': (X[:30], y[:30]), 'val': (X[30:], y[30:])}",
        "def load(): return {'dev': (X[30:], y[30:]), 'train': (X[:30], y[:30])}",
        "def load(): return {'train': (X[:30], y[:30]), 'valid': (X, y), 'test': (X[30:], y[30:])}",
        "def load(): return [(X[:30], y[:30]), (X[30:], y[30:])]",
        "def load(): return [list(zip(X, y))[:30], list(zip(X, y))[30:]]",
        "from torch.utils.data import TensorDataset, random_split\n"
        "def load():\n    d = TensorDataset(torch.tensor(X), torch.tensor(y))\n"
        "    return random_split(d, [30, 10], torch.Generator().manual_seed(0))",
        MAP + "def load(): return Map(list(zip(X, y))[:30]), Map(list(zip(X, y))[30:])",
        "def load(): return list(zip(X, y))[:30], list(zip(X, y))[30:]",
        MAP
        + "class Rows(Map): shape = (30, 2)\ndef load():\n    d = [{'x': x, 'label': k} for x, k in zip(X, y)]\n"
        "    return Rows(d[:30]), Rows(d[30:])",
    ],
)
def test_a_pair_is_for_training_and_for_test(tmp_path: Path, code: str) -> None:
    data = read(tmp_path, code, fraction=0.5)
    assert (len(data.labels), len(data.test_labels), data.test_rows) == (30, 10, None)
    assert len(read(tmp_path, code, fraction=0.0).test_labels) == 0


@pytest.mark.parametrize(
    "code",
    [
        "def load(): return X, y, np.arange(40) // 10",
        MAP + "def load(): return Map(list(zip(X, y, np.arange(40) // 10)))",
        MAP + "def load(): return Map([{'x': X[k], 'y': y[k], 'client': k // 10} for k in range(40)])",
        "def load(): return (X, y, np.arange(40) // 10), (X, y)",
    ],
)
def test_owners_go_with_their_samples(tmp_path: Path, code: str) -> None:
    owners = read(tmp_path, code).owners
    assert owners is not None
    assert owners.tolist() == [k // 10 for k in range(40)]


def test_owners_stay_with_their_samples_when_some_are_held_out(tmp_path: Path) -> None:
    data = read(tmp_path, "def load(): return X, y, np.arange(40)", fraction=0.25)
    assert data.owners is not None
    assert data.rows is not None
    assert data.test_rows is not None
    np.testing.assert_array_equal(data.owners, data.rows)
    assert sorted([*data.rows, *data.test_rows]) == list(range(40))


@pytest.mark.parametrize(
    "given",
    [
        "torch.ones(40, 2, dtype=torch.bfloat16), torch.tensor(y).bfloat16()",
        "[(torch.ones(2, dtype=torch.bfloat16), int(k)) for k in y]",
        "list(torch.ones(40, 2, dtype=torch.bfloat16)), y",
    ],
)
def test_numbers_of_half_the_width_are_numbers(tmp_path: Path, given: str) -> None:
    data = read(tmp_path, f"def load(): return {given}", task="classes")
    np.testing.assert_array_equal(data.features, np.ones((40, 2)))
    assert data.labels.tolist() == [k % 3 for k in range(40)]


def test_integers_keep_their_type_and_shapes_stay(tmp_path: Path) -> None:
    data = read(tmp_path, "def load(): return np.arange(240).reshape(40, 2, 3), y")
    assert (data.features.dtype.kind, data.features.shape) == ("i", (40, 2, 3))
    table = load(spec(tmp_path), 0.0, "float32", "problem")
    assert table.features.shape == (40, 6)
    assert table.features.dtype == "float32"


def test_pictures_become_numbers_with_their_channels_first(tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image", reason="PIL comes with matplotlib")
    code = f"""
    import PIL.Image
    {MAP.replace(chr(10), chr(10) + "    ")}
    def load():
        rgb = PIL.Image.fromarray(np.full((4, 5, 3), [0, 51, 255], np.uint8))
        return Map([{{"img": rgb, "label": k % 2}} for k in range(6)])
    """
    data = read(tmp_path, code)
    assert image is not None
    assert data.features.shape == (6, 3, 4, 5)
    np.testing.assert_allclose(data.features[0, :, 0, 0], [0, 0.2, 1], rtol=1e-6)


def test_nothing_is_standardised_unless_asked_for(tmp_path: Path) -> None:
    raw = read(tmp_path, "def load(): return 5 + 2 * X, y")
    assert abs(raw.features.mean() - 5) < 1
    scaled = read(tmp_path, "def load(): return 5 + 2 * X, y", standardise=True)
    np.testing.assert_allclose(scaled.features.mean(axis=0), 0, atol=1e-12)


def test_numbers_for_targets_are_regression(tmp_path: Path) -> None:
    data = read(tmp_path, "def load(): return X, X[:, 0]", fraction=0.25)
    assert (data.classes, len(data.test_labels)) == (0, 10)
    assert data.labels.dtype == "float64"
    whole = read(tmp_path, "def load(): return X, y", task="numbers")
    assert whole.classes == 0
    assert whole.labels.dtype == "float64"


def test_labels_from_0_are_kept_and_others_are_numbered(tmp_path: Path) -> None:
    gap = read(tmp_path, "def load(): return X, 2 * (y % 2)")
    assert (gap.classes, set(gap.labels)) == (3, {0, 2})
    signs = read(tmp_path, "def load(): return X, 2 * (y % 2) - 1")
    assert (signs.classes, set(signs.labels), signs.names) == (2, {0, 1}, ("-1", "1"))


def test_arguments_limit_and_neighbours(tmp_path: Path) -> None:
    (tmp_path / "helper.py").write_text("CLASSES = 4")
    code = "import helper\ndef load(shift=0): return X + shift, np.arange(40) % helper.CLASSES"
    data = read(tmp_path, code, args={"shift": 100}, limit=20)
    assert (len(data.labels), data.classes) == (20, 4)
    assert data.features.min() > 90


# ------------------------------------------------------------------------------------------------- what is refused
@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("def lode(): pass", r"defines no 'load'; did you mean 'lode'"),
        ("load = 3", r"'load' of .* is int; expected a function"),
        ("def load(seed): return X, y", r"args: missing a required argument: 'seed'; .*load\(seed\)"),
        ("def load(): return nothing", r"my_data\.py: NameError: name .nothing. is not defined \(line \d+\)"),
        ("import not_there\ndef load(): pass", r"not_there. \(line \d+\)"),
        ("def load() return", r"SyntaxError"),
        ("def load(): return None", r"gives NoneType; expected"),
        ("def load(): return X", r"gives ndarray; expected"),
        ("def load(): return X, y, y, y", r"4 things; expected"),
        ("def load(): return X, y[:-1]", r"arrays of shapes \(40, 6\), \(39,\)"),
        ("def load(): return X, np.eye(3)[y]", r"one-hot rows give .*argmax"),
        ("def load(): return X, 0 * y", r"1 class; expected at least 2"),
        ("def load(): return X, 1000000 * y", r"largest label is 2000000"),
        (
            "def load(): return X, np.where(y == 1, -100, y)",
            r"dataset: the label of sample 1 is -100; expected",
        ),
        (
            "def load(): return X, np.where(y == 1, -1.0, y)",
            r"label of sample 1 is -1; .*leave such samples out",
        ),
        ("def load(): return (X, y), (X, y - 1)", r"label of sample 0 of the test data is -1;"),
        (
            "def load(): return {'train': (X, y), 'tset': (X, y)}",
            r"'train' and 'tset'; allowed .*did you mean 'test'",
        ),
        (
            "def load(): return {'train': (X, y), 'extra': (X, y)}",
            r"allowed beside 'train': test, validation, val, v",
        ),
        ("def load(): return X[:0], y[:0]", r"gives no samples"),
        ("def load(): return X.astype(str), y", r"features are <U.*; expected numbers"),
        ("def load():\n    X[3, 2] = np.nan\n    return X, y", r"there is nan in sample 3, feature 2"),
        ("def load(): return (X, y), (X[:, :5], y)", r"differ in shape: \(6,\) and \(5,\)"),
        ("def load(): return [[1], [1, 2], [3]], [0, 1, 0]", r"X of the data is no array"),
        ("def load(): return [(X[0], 0), (X[0, :5], 1)]", r"mixed shapes: .*item 0 has shape \(6,\).*item 1"),
        ("def load(): return ((x, 1) for x in X)", r"a stream \(generator\)"),
        (MAP + "def load(): return iter(Map([(X[0], 1)]))", r"a stream \(iterator\)"),
        (
            "class S(torch.utils.data.IterableDataset):\n    def __iter__(self): yield X[0], 0\n"
            "    def __len__(self): return 40\ndef load(): return S()",
            r"a stream \(S\)",
        ),
        (
            "def load():\n    d = torch.utils.data.TensorDataset(torch.tensor(X), torch.tensor(y))\n"
            "    return torch.utils.data.DataLoader(d)",
            r"a stream \(DataLoader\).*give its \.dataset",
        ),
        (
            "class N(torch.utils.data.Dataset):\n    def __getitem__(self, k): return X[k], y[k]\n"
            "def load(): return N()",
            r"\(N\) have no length",
        ),
        (
            MAP + "def load(): return Map([X[0], X[1]])",
            r"item 0 of the data is numpy\.ndarray; expected \(x, y\)",
        ),
        (
            MAP + "def load(): return Map([{'a': 1, 'b': 2}])",
            r"the keys a, b, not any of x, .*dataset\.x: KEY",
        ),
        (
            "def load(): return X, y, np.repeat([1, np.nan], 20)",
            r"no owner \(nan\) of sample 20 and 19 more;",
        ),
        ("def load(): return X, y, [*'ab' * 19, 'a', None]", r"no owner \(None\) of sample 39;"),
        (
            "import pandas as pd\ndef load(): return X, y, pd.Series([*'ab' * 19, np.nan, 'a'])",
            r"no owner \(nan\) of sample 38;",
        ),
        (
            "import pandas as pd\ndef load(): return X, y, pd.Series([3] * 39 + [None], dtype='Int64')",
            r"no owner \((<NA>|nan)\) of sample 39;",
        ),
        ("def load(): return [(x, 1, np.nan) for x in X]", r"no owner \(nan\) of sample 0 and 39 more;"),
        ("def load(): return X, y, X[:, :2]", r"owners have shape \(40, 2\)"),
        ("def load(): return X, y, X + 1j", r"owners have shape"),
        ("def load(): return X, y, X[:, 0] + 1j", r"owners are complex"),
        ("def load(): return np.ma.masked_greater(X, 1.5), y", r"there is nan in sample \d+, feature \d"),
        ("def load(): return [(np.ma.masked_less(y[:3], 1), 1)]", r"there is nan in sample 0, feature 0"),
        ("def load(): return X, np.ma.masked_equal(y, 2)", r"labels are not whole numbers \(sample 2: nan\)"),
        (
            "def load(): return X, y, np.ma.array(y.astype(str), mask=y == 1)",
            r"no owner \(None\) of sample 1",
        ),
        (
            "class A:\n    def __array__(self, *a, **k): raise TypeError('not so')\ndef load(): return A(), y",
            r"X of the data cannot be read as an array: not so",
        ),
        (MAP + "def load(): return Map([(object(), 1)])", r"item 0 of the data holds object and int"),
        (MAP + "def load(): return Map([(X[0], 0, 'me'), (X[0], 1)])", r"item 1 .* has no owner"),
    ],
)
def test_what_cannot_be_read_is_told_in_one_message(tmp_path: Path, code: str, message: str) -> None:
    with pytest.raises(UserError, match=message) as told:
        read(tmp_path, code, task="classes")
    assert str(told.value).startswith("problem.dataset")
    assert "\n" not in str(told.value).strip() or "SyntaxError" in str(told.value)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("def load(): return np.random.normal(size=(40, 6)), y", r"other data when called again"),
        ("def load(): return X, torch.randint(3, (40,))", r"other data when called again"),
        (
            MAP
            + "class R(Map):\n    def __getitem__(self, k): return X[k] + np.random.normal(size=6), y[k]\n"
            "def load(): return R(X)",
            r"other items when they are read again, as random transforms do",
        ),
        (
            MAP + "class G(Map):\n    def __len__(self): self.n = getattr(self, 'n', 19) + 1; return self.n\n"
            "    def __getitem__(self, k): return X[k], y[k]\ndef load(): return G(X)",
            r"had 20 samples and 21 after",
        ),
        (
            MAP + "class L(Map):\n    def __len__(self): return 50\ndef load(): return L(list(zip(X, y)))",
            r"say they have 50 samples, but there is no item 40",
        ),
        (
            "import os\ndef load():\n    n = int(os.environ.setdefault('N_TEST', '9')) + 1\n"
            "    os.environ['N_TEST'] = str(n)\n    return X[:n], y[:n]",
            r"other data when called again \(10 samples, then 11\)",
        ),
    ],
)
def test_data_that_change_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, message: str
) -> None:
    monkeypatch.delenv("N_TEST", raising=False)
    with pytest.raises(UserError, match=message):
        read(tmp_path, code)


def test_labels_that_are_no_integers_are_refused_for_classes(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"labels are not whole numbers \(sample 1: 0\.5\)"):
        read(tmp_path, "def load(): return X, y / 2", task="classes")


@pytest.mark.parametrize("source", ["my_data.py", "my_data:load", "load", "my_data.py:two words"])
def test_the_source_names_a_file_and_what_it_defines(source: str) -> None:
    with pytest.raises(ValueError, match=r"expected FILE\.py:NAME"):
        DATASET.validate_python({"kind": "python", "source": source})


def test_a_missing_file_is_told_when_it_is_read(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=rf"dataset\.source: there is no file {tmp_path}/my_data\.py"):
        load(spec(tmp_path), 0.0, "float64", "problem")


def test_the_hash_follows_what_stands_in_the_file_and_not_where_it_lies(tmp_path: Path) -> None:
    def digest(folder: str, text: str) -> Any:
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / "my_data.py").write_text(text)
        return digests.with_contents(spec(tmp_path / folder).model_dump())

    assert digest("a", "one") == digest("b", "one")
    assert digest("a", "one") != digest("b", "other")
