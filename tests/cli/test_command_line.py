"""What a person expects of any command: help by task, long options, quiet, JSON, completion, a scenario to begin."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import yaml
from click.shell_completion import ShellComplete

from rfast_bench.cli.commands import COMMANDS, TASKS, main
from rfast_bench.scenario import shipped
from tests.support.command_line import call, write


def all_commands(
    group: click.Group, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    ctx = click.Context(group)
    for name in group.list_commands(ctx):
        command = group.get_command(ctx, name)
        assert command is not None
        yield (*path, name), command
        if isinstance(command, click.Group):
            yield from all_commands(command, (*path, name))


EVERY = dict(all_commands(main))


# ----------------------------------------------------------------------------------------------- options and help
def test_help_is_grouped_by_task_and_names_each_command_once() -> None:
    assert sorted(name for names in TASKS.values() for name in names) == sorted(COMMANDS)
    printed = call("--help").output
    assert [line.rstrip(":") for line in printed.splitlines() if line.rstrip(":") in TASKS] == list(TASKS)
    assert "not methods" in printed


@pytest.mark.parametrize("path", EVERY, ids=" ".join)
def test_every_short_option_has_a_long_one_and_words_mean_one_thing(path: tuple[str, ...]) -> None:
    known = {
        "-o": "--out",
        "-n": "--workers",
        "-j": "--jobs",
        "-p": "--parameters",
        "-q": "--quiet",
        "-v": "--verbose",
    }
    options = [one for one in EVERY[path].params if isinstance(one, click.Option)]
    for one in options:
        long = [name for name in one.opts if name.startswith("--")]
        assert long, one.opts
        assert all(known[short] in long for short in one.opts if not short.startswith("--"))
    given = {name for one in options for name in one.opts}
    assert {"--quiet", "--verbose"} <= given
    assert ("--out" in given) == ("-o" in given)


# ------------------------------------------------------------------------------------------------ what is said
@pytest.mark.parametrize("asked", [("run", "{s}", "--quiet"), ("--quiet", "run", "{s}")])
def test_quiet_leaves_the_table_alone(asked: tuple[str, ...], tmp_path: Path) -> None:
    path = write(tmp_path, seeds=1, stop={"time": "1 s"}, network={"loss": 0.5})
    done = call(*(word.format(s=path) for word in asked), "--out", tmp_path, "--jobs", 1, "--no-plots")
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.lstrip().startswith("small: ")


def test_verbose_shows_where_an_error_came_from() -> None:
    for words, more in ((("table", "nowhere"), False), (("table", "nowhere", "--verbose"), True)):
        done = call(*words)
        assert done.exit_code == 2
        assert ("Traceback" in done.stderr) == more
        assert done.stderr.rstrip().splitlines()[-1].startswith("Error: ")


def test_no_color_is_respected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from rfast_bench.analysis.tables import render
    from rfast_bench.records.reading import find_runs
    from tests.support.synthetic_records import straggler_scenario

    runs = find_runs([straggler_scenario(tmp_path)])
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    coloured = render(runs, "terminal", width=120)
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[33m" in coloured
    assert "\x1b[3" not in render(runs, "terminal", width=120).replace("\x1b[3m", "")


# ------------------------------------------------------------------------------------------------------- JSON
@pytest.mark.parametrize(
    ("words", "key"),
    [
        (("list",), "scenarios"),
        (("systems", "resnet50-8x-10gbe"), "resnet50-8x-10gbe"),
        (("data", "quickstart"), "shards"),
        (("topology", "check", "--kind", "torus", "--workers", 9), "topologies"),
        (("topology", "design", "scenarios/three-sites.csv", "-o", "{out}"), "rows"),
    ],
)
def test_json_for_programs(words: tuple[object, ...], key: str, tmp_path: Path) -> None:
    done = call(*(str(word).format(out=tmp_path / "d") for word in words), "--json")
    assert (done.exit_code, done.stderr) == (0, "")
    assert key in json.loads(done.stdout)


def test_json_of_tables(tmp_path: Path) -> None:
    from tests.support.synthetic_records import straggler_scenario

    rows = json.loads(call("table", straggler_scenario(tmp_path), "--json").stdout)["rows"]
    assert {row["label"] for row in rows} >= {"r-fast", "ring-allreduce"}
    assert any(value is None for row in rows for value in row.values())
    for words in (("table", tmp_path), ("compare", tmp_path, tmp_path)):
        refused = call(*words, "--json", "--format", "csv")
        assert refused.exit_code == 2
        assert "give one of --json and --format" in refused.stderr


def test_the_baseline_needs_no_row(tmp_path: Path) -> None:
    from tests.support.synthetic_records import straggler_scenario

    folder = straggler_scenario(tmp_path)
    (row,) = json.loads(call("table", folder, "--select", "r-fast", "--json").stdout)["rows"]
    assert (row["label"], row["baseline"]) == ("r-fast", "ring-allreduce")
    assert row["speedup_gap_0.1"] > 1
    words = ("--baseline", "ring-allreduce", "--rename", "ring-allreduce=Ring")
    text = call("table", folder, "--select", "r-fast", *words).stdout
    assert "speed-up over Ring, seed by seed" in text
    assert not any(line.startswith(" Ring") for line in text.splitlines())


# ------------------------------------------------------------------------------------------------- completion
@pytest.mark.parametrize(
    ("words", "incomplete", "found"),
    [
        ([], "ch", ["check"]),
        (["run"], "quick", ["quickstart"]),
        (["check"], "r-fast", ["r-fast", "r-fast-one-peer"]),
        (["topology", "check", "--kind"], "tor", ["torus"]),
        (["new", "scenario", "mine", "--from"], "crash", ["crash"]),
        (["systems"], "resnet50-8x-10g", ["resnet50-8x-10gbe"]),
        (["topology", "draw"], "--work", ["--workers"]),
    ],
)
def test_a_shell_completes_names(words: list[str], incomplete: str, found: list[str]) -> None:
    completer = ShellComplete(main, {}, "rfast-bench", "_RFAST_BENCH_COMPLETE")
    assert [item.value for item in completer.get_completions(words, incomplete)] == found


# ---------------------------------------------------------------------------------------- scenarios to begin with
def test_a_new_scenario_says_what_it_would_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    made = call("new", "scenario", "mine")
    assert made.exit_code == 0, made.output
    assert yaml.safe_load(Path("mine.yaml").read_text())["name"] == "mine"
    again = call("new", "scenario", "mine.yaml")
    assert (again.exit_code, "is there already" in again.stderr) == (2, True)
    done = call("check", "mine.yaml", "--set", "stop.time=2 s", "--json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert (found["runs"], found["tuning"], found["there"]) == (15, 24, 0)
    assert found["seconds"] > 0
    assert found["memory"] > 2**20
    assert "NO COMMON ROOT" not in str(found["topologies"])
    assert not Path("results").exists()


@pytest.mark.parametrize("name", ["quickstart", "topologies", "claim-topology"])
def test_a_shipped_scenario_is_taken_with_its_files(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rfast_bench.plan.runs import load_points, plan

    monkeypatch.chdir(tmp_path)
    assert call("new", "scenario", "mine", "--from", name).exit_code == 0
    mine, theirs = (plan(load_points(Path(path))) for path in ("mine.yaml", shipped.find(name)))
    assert [run.hash for run in mine] == [run.hash for run in theirs]
    assert mine[0].scenario.name == "mine"


def test_a_scenario_that_is_not_shipped(tmp_path: Path) -> None:
    done = call("new", "scenario", tmp_path / "mine", "--from", "quickstrat")
    assert (done.exit_code, "did you mean 'quickstart'?" in done.stderr) == (2, True)


def test_what_would_run_is_told_to_a_person(tmp_path: Path) -> None:
    path = write(tmp_path, seeds=1, network={"loss": 0.2})
    assert call("run", path, "--out", tmp_path / "out", "--jobs", 1, "--no-plots").exit_code == 0
    printed = call("check", path, "--out", tmp_path / "out", "--set", "seeds=2").stdout
    assert "6 (3 algorithms x 2 seeds); 3 of them are there already" in printed
    assert "r-fast: line, common roots 0" in printed
    assert "r-fast runs on line; recommended for r-fast are binary-tree and exponential." in printed
    assert "about" in printed
    wrong = call("check", path, "-p", "step_size=1")
    assert (wrong.exit_code, "a scenario takes --set" in wrong.stderr) == (2, True)


def test_more_seeds_do_only_what_is_missing_and_a_longer_run_all(tmp_path: Path) -> None:
    path = write(tmp_path, seeds=1, stop={"time": "1 s"})
    run = ("run", path, "--out", tmp_path / "out", "--jobs", 1, "--no-plots")
    first = tmp_path / "out" / "small" / "r-fast" / "seed-0" / "manifest.json"
    assert call(*run).exit_code == 0
    before = first.stat().st_mtime_ns, first.read_bytes()
    more = call(*run, "--set", "seeds=3")
    assert "3 of 9 runs are already there" in more.output
    assert (first.stat().st_mtime_ns, first.read_bytes()) == before
    assert "already there" not in call(*run, "--set", "seeds=3", "--set", "stop.time=2 s").output


# ---------------------------------------------------------------------------------------------- plain words
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["--backend", "dask"],
            "--backend dask does the runs on a cluster that is there: give the address of its scheduler",
        ),
        (
            ["--address", "tcp://a:1"],
            "--address tcp://a:1 is of a cluster: say of which sort, --backend dask",
        ),
        (
            ["--set", "baseline=ring-allreduce", "--set", "algorithms=[{name: r-fast, step_size: 1}]"],
            "baseline 'ring-allreduce' is not among the algorithms: r-fast; give one of them, or none "
            "(--set baseline=null)",
        ),
    ],
)
def test_messages_in_plain_words(words: list[str], message: str, tmp_path: Path) -> None:
    done = call("run", write(tmp_path), "--out", tmp_path / "out", *words)
    assert done.exit_code == 2
    assert message in done.stderr


def test_jobs_do_not_count_on_a_cluster(capsys: pytest.CaptureFixture[str]) -> None:
    from rfast_bench.cli.run import check_cluster

    check_cluster("dask", "tcp://a:1", 4)
    assert "--jobs 4 counts on this machine alone and is not used" in capsys.readouterr().err


def test_torchrun_is_told_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its report ends with what stands in this file."""
    from rfast_bench.cli.join import complain

    monkeypatch.setenv("TORCHELASTIC_ERROR_FILE", str(tmp_path / "error.json"))
    assert complain("workers is 4, but the launcher started 2 processes") == 2
    assert json.loads((tmp_path / "error.json").read_text())["message"].startswith("workers is 4")


def test_a_signal_that_code_in_c_takes_for_a_mistake_still_ends_the_command() -> None:
    """As pydantic's does while it builds a validator: whatever comes out of it, the process was told to end."""
    code = """
import signal
from rfast_bench.cli.errors import ends_when_told
with ends_when_told(" Finished runs are kept."):
    try:
        signal.raise_signal(signal.SIGHUP)
    except BaseException as problem:
        raise ValueError(f"cannot build a validator: {problem!r}") from None
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 128 + signal.SIGHUP
    assert done.stderr.strip() == "Ended by SIGHUP. Finished runs are kept."


def test_a_relative_import_in_a_file_of_ones_own_is_told(tmp_path: Path) -> None:
    (tmp_path / "meth.py").write_text("from .base import Mine\n\n\nclass Rel(Mine):\n    pass\n")
    done = call("check", f"{tmp_path / 'meth.py'}:Rel")
    assert done.exit_code == 2
    assert "loaded by itself belongs to no package" in done.stderr
    assert "(line 1)" in done.stderr


@pytest.mark.parametrize("words", [["run", "--jobs", "1"], ["check"]], ids=["run", "check"])
def test_what_is_wrong_by_itself_is_told_before_anything_slow_is_imported(
    words: list[str], tmp_path: Path
) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text("name: wrong\nseeds: 1000000000\n")
    code = "import sys; from rfast_bench.cli.commands import main\n"
    code += "try: main(sys.argv[1:])\nexcept SystemExit as end: print(end.code)\n"
    code += "print([m for m in ('pandas', 'networkx', 'scipy', 'torch', 'simpy') if m in sys.modules])"
    command = [sys.executable, "-P", "-c", code, *words, str(path)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.splitlines() == ["2", "[]"]
    assert "seeds: expected a number of at most 1000000 (found 1000000000)" in done.stderr
