from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from rfast_bench.errors import UserError
from rfast_bench.records.order import point_key
from rfast_bench.records.reading import baselines, find_runs, varying
from rfast_bench.records.writing import COLUMNS, write_run
from tests.support.synthetic_records import curves_table, save, unsealed


def everything_in(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


class Broken(pd.DataFrame):
    def to_csv(self, *args: Any, **kwargs: Any) -> Any:
        raise OSError("disk full")


def test_floats_come_back_bit_for_bit(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    gap = np.exp(rng.uniform(-700, 700, 2000))
    gap[:4] = [np.inf, 0.1 + 0.2, 5e-324, 1.7976931348623157e308]
    save(tmp_path, "r-fast", curves=curves_table(np.arange(2000) / 3, gap))
    (run,) = find_runs([tmp_path])
    assert run.curves()["gap"].to_numpy().tobytes() == gap.tobytes()
    assert run.curves()["time"].to_numpy().tobytes() == (np.arange(2000) / 3).tobytes()


def test_what_does_not_exist_is_an_empty_field_and_reads_as_nan(tmp_path: Path) -> None:
    folder = save(tmp_path, "r-fast", curves=curves_table([0, 1], [1, 0.5]))
    header, first, _ = (folder / "curves.csv").read_text().splitlines()
    assert header.split(",") == list(COLUMNS["curves"])
    assert first.split(",")[COLUMNS["curves"].index("accuracy")] == ""
    assert find_runs([folder])[0].curves()["accuracy"].isna().all()


def test_counts_read_as_integers_and_graph_names_as_text(tmp_path: Path) -> None:
    edges = pd.DataFrame({"graph": ["W", "A"], "from": [0, 1], "to": [1, 0], "weight": [0.5, 1.0]})
    save(tmp_path, "r-fast", curves=curves_table([0], [1]), edges=edges)
    topology = find_runs([tmp_path])[0].topology()
    assert topology["from"].tolist() == [0, 1]
    assert topology["from"].dtype == int
    assert topology["graph"].tolist() == ["W", "A"]


def test_equal_data_give_equal_bytes_with_unix_line_ends(tmp_path: Path) -> None:
    for out in ("a", "b"):
        save(tmp_path / out, "r-fast", curves=curves_table([0, 1 / 3], [1, 1e-9]))
    first, second = everything_in(tmp_path / "a"), everything_in(tmp_path / "b")
    assert first == second
    assert not any(b"\r" in data for data in first.values())


def test_a_failing_write_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="disk full"):
        write_run(tmp_path / "x" / "seed-0", {"format": 1}, {"curves": Broken({"time": [0.0]})}, {})
    with pytest.raises(ValueError, match="JSON"):
        write_run(tmp_path / "x" / "seed-0", {"gap": float("nan")}, {}, {})
    assert list(tmp_path.iterdir()) == []


def test_a_write_that_fails_half_way_keeps_the_older_folder(tmp_path: Path) -> None:
    folder = tmp_path / "seed-0"
    write_run(folder, {"format": 1}, {}, {"scenario.yaml": "old"})
    before = everything_in(tmp_path)
    with pytest.raises(FileNotFoundError):
        write_run(folder, {"format": 2}, {}, {"no-such-folder/scenario.yaml": "new"})
    assert everything_in(tmp_path) == before
    assert [path.name for path in tmp_path.iterdir()] == ["seed-0"]


def test_the_older_folder_returns_when_the_last_rename_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "seed-0"
    write_run(folder, {"format": 1}, {}, {"scenario.yaml": "old"})
    before, rename = everything_in(tmp_path), Path.rename

    def refuse_partial(self: Path, target: Path) -> Path:
        if ".partial-" in self.name:
            raise OSError("no rename")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", refuse_partial)
    with pytest.raises(OSError, match="no rename"):
        write_run(folder, {"format": 2}, {}, {})
    assert everything_in(tmp_path) == before


def test_a_rewritten_folder_holds_nothing_of_the_older_one(tmp_path: Path) -> None:
    folder = tmp_path / "seed-0"
    write_run(folder, {"format": 1}, {"curves": pd.DataFrame({"time": [0.0]})}, {"scenario.yaml": "old"})
    write_run(folder, {"format": 1}, {}, {"other.txt": "new"})
    assert sorted(everything_in(tmp_path)) == ["seed-0/manifest.json", "seed-0/other.txt"]


def test_runs_are_found_once_from_any_folder_above_and_in_order(tmp_path: Path) -> None:
    for seed in (1, 0):
        save(tmp_path, "b", seed, order=0, point={"workers": 16})
        save(tmp_path, "a", seed, order=1, point={"workers": 16})
        save(tmp_path, "a", seed, order=1, point={"workers": 4})
    runs = find_runs([tmp_path, tmp_path / "stragglers"])
    seen = [(run.point["workers"], run.label, run.seed) for run in runs]
    assert seen == [(4, "a", 0), (4, "a", 1), (16, "b", 0), (16, "b", 1), (16, "a", 0), (16, "a", 1)]
    assert find_runs([runs[3].folder])[0].manifest == runs[3].manifest


def test_hidden_and_partial_folders_are_no_runs(tmp_path: Path) -> None:
    folder = save(tmp_path, "r-fast")
    folder.rename(folder.with_name(".seed-0.partial-17"))
    with pytest.raises(UserError, match="no run found"):
        find_runs([tmp_path])


def test_a_path_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="nowhere: no such folder"):
        find_runs([tmp_path / "nowhere"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"status": "fine"},
            "status: .*'finished', .*'invariant broken', 'void', 'skipped' or 'damaged'.*found 'fine'",
        ),
        ({"format": 3}, "format: .*found 3"),
        ({"workers": "many"}, "workers: .*found 'many'"),
        ({"topology": {"sound": True}}, "topology.name: this key is missing"),
    ],
)
def test_a_malformed_manifest_names_the_file_and_the_entry(
    tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    save(tmp_path, "r-fast", **change)
    with pytest.raises(UserError, match=rf"manifest\.json: {message}"):
        find_runs([tmp_path])


@pytest.mark.parametrize(("text", "message"), [("{", "not JSON"), ("[]", "expected an object, found list")])
def test_a_manifest_that_is_no_object(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(UserError, match=message):
        find_runs([tmp_path])


def test_a_missing_entry_is_named(tmp_path: Path) -> None:
    path = save(tmp_path, "r-fast") / "manifest.json"
    manifest = json.loads(path.read_text())
    del manifest["seed"]
    path.write_text(json.dumps(manifest))
    with pytest.raises(UserError, match="seed: this key is missing"):
        find_runs([tmp_path])


def test_a_table_without_a_column_is_refused(tmp_path: Path) -> None:
    folder = unsealed(save(tmp_path, "r-fast", curves=curves_table([0], [1])))
    (folder / "curves.csv").write_text("time,epoch\n0,0\n")
    with pytest.raises(UserError, match="no column 'gradients'"):
        find_runs([folder])[0].curves()


@pytest.mark.parametrize("text", ["", "time,epoch\n0,0,0\n", "time\nx\n", "time\n\x00\n", "\n\n"])
def test_a_table_that_cannot_be_read_names_the_file(text: str, tmp_path: Path) -> None:
    folder = unsealed(save(tmp_path, "r-fast", curves=curves_table([0], [1])))
    (folder / "curves.csv").write_text(text)
    with pytest.raises(UserError, match=r"curves\.csv: (cannot be read|no column)"):
        find_runs([folder])[0].curves()


def test_a_table_is_read_again_when_its_file_changed_and_is_the_readers_own(tmp_path: Path) -> None:
    folder = save(tmp_path, "x", curves=curves_table([1.0], [0.5]))
    run = find_runs([folder])[0]
    own = run.curves()
    own.loc[0, "gap"] = 7.0
    assert run.curves()["gap"].tolist() == [0.5]
    save(tmp_path, "x", curves=curves_table([1.0], [0.25]))
    assert run.curves()["gap"].tolist() == [0.25]


def test_a_skipped_run_has_tables_without_rows(tmp_path: Path) -> None:
    save(tmp_path, "d-psgd", status="skipped", reason="a tree")
    (run,) = find_runs([tmp_path])
    assert run.curves().empty
    assert list(run.staleness()) == list(COLUMNS["staleness"])
    assert np.isnan(run.time_to("gap", 0.1))


def test_time_to_is_the_first_row_that_meets_the_target(tmp_path: Path) -> None:
    curves = curves_table([0, 1, 2, 3], [1, 0.1, 0.2, 0.05], accuracy=[0.1, 0.5, 0.9, 0.8])
    save(tmp_path, "good", curves=curves)
    save(tmp_path, "lost", curves=curves, status="diverged")
    good, lost = find_runs([tmp_path])
    assert good.time_to("gap", 0.1) == 1
    assert good.time_to("accuracy", 0.85) == 2
    assert np.isnan(good.time_to("gap", 0.01))
    assert np.isnan(lost.time_to("gap", 0.1))


def test_numbers_sort_by_size_and_before_words() -> None:
    values: list[Any] = ["ring", 16, 4, 0.5, "all"]
    assert sorted(values, key=lambda value: point_key({"k": value})) == [0.5, 4, 16, "all", "ring"]


def test_quantities_sort_by_their_number() -> None:
    values = ["100 Gbit/s", "none", "2.5 Gbit/s", "10 Gbit/s"]
    ordered = sorted(values, key=lambda value: point_key({"k": value}))
    assert ordered == ["2.5 Gbit/s", "10 Gbit/s", "100 Gbit/s", "none"]


def test_baseline_is_the_wanted_one_then_the_scenarios_then_ring_allreduce(tmp_path: Path) -> None:
    for scenario, own in {"one": "osgp", "two": None, "three": None}.items():
        save(tmp_path, "osgp", scenario=scenario, baseline=own)
        if scenario != "three":
            save(tmp_path, "ring-allreduce", scenario=scenario, baseline=own)
    runs = find_runs([tmp_path])
    assert baselines(runs) == {"one": "osgp", "two": "ring-allreduce", "three": None}
    assert set(baselines(runs, "osgp").values()) == {"osgp"}
    with pytest.raises(UserError, match="no baseline 'osgb'; the labels are osgp, ring-allreduce; did you"):
        baselines(runs, "osgb")


def test_only_keys_with_several_values_vary(tmp_path: Path) -> None:
    save(tmp_path, "a", point={"loss": 0.1, "workers": 4})
    save(tmp_path, "a", point={"loss": 0.2, "workers": 4})
    assert varying(find_runs([tmp_path])) == ["loss"]


def test_a_study_whose_summary_alone_was_kept_says_how_it_is_made_anew(tmp_path: Path) -> None:
    """As those of a fresh checkout are."""
    home = tmp_path / "results" / "quickstart"
    home.mkdir(parents=True)
    (home / "table.csv").write_text("scenario\n")
    again = f"they are made anew by rfast-bench run quickstart --out {tmp_path / 'results'}"
    for place in (home, home.parent):
        with pytest.raises(UserError, match=f"no run found.*\n{home}: its table is kept .*table.md.*{again}"):
            find_runs([place])
    (tmp_path / "results" / "other").mkdir()
    (tmp_path / "results" / "other" / "table.csv").write_text("scenario\n")
    with pytest.raises(UserError, match=r"no run found \(a run folder holds manifest.json\)$"):
        find_runs([tmp_path / "results" / "other"])


@pytest.mark.parametrize("name", ["1000", "gap_best", "gap_worker_", "speed"])
def test_a_target_of_nothing_that_is_measured_is_no_target(name: str, tmp_path: Path) -> None:
    save(tmp_path, "r-fast", targets={name: [0.1]})
    with pytest.raises(UserError, match=r"targets\..*expected"):
        find_runs([tmp_path])


def test_a_target_of_what_a_run_did_not_measure_is_told(tmp_path: Path) -> None:
    save(tmp_path, "r-fast", curves=curves_table(range(5), range(5)), targets={"gap_worker_7": [0.1]})
    (run,) = find_runs([tmp_path])
    with pytest.raises(UserError, match=r"curves\.csv: no column 'gap_worker_7', yet a target for it"):
        run.time_to("gap_worker_7", 0.1)


@pytest.mark.parametrize(
    "schedule", [{"drops": "x"}, {"drops": [None]}, {"cosine": True}, {"one_cycle": [[]]}, {"points": -1}]
)
def test_a_schedule_of_other_types_is_none(schedule: dict[str, Any], tmp_path: Path) -> None:
    save(tmp_path, "r-fast", schedule=schedule)
    with pytest.raises(UserError, match=rf"schedule.*{next(iter(schedule))}"):
        find_runs([tmp_path])
