"""What a scenario file may say. How it is read, and how mistakes are told, is in `reading.py`."""

from __future__ import annotations

from collections import Counter
from typing import Any, Literal

from pydantic import Field, GetJsonSchemaHandler, ValidationInfo, field_validator, model_validator
from pydantic_core import CoreSchema

from rfast_bench.errors import suggest
from rfast_bench.scenario import systems
from rfast_bench.scenario.algorithms import TRAINING as TRAINING
from rfast_bench.scenario.algorithms import AlgorithmSpec as AlgorithmSpec
from rfast_bench.scenario.faults.section import Faults, wrong_faults, wrong_horizon
from rfast_bench.scenario.problem.kinds import PlugInSpec, ProblemSpec
from rfast_bench.scenario.reading import load_with
from rfast_bench.scenario.sections.compute import Compute, mean_compute, wrong_compute
from rfast_bench.scenario.sections.evaluate import TARGETS, wrong_samples, wrong_workers
from rfast_bench.scenario.sections.evaluate import Evaluate as Evaluate
from rfast_bench.scenario.sections.evaluate import Every as Every
from rfast_bench.scenario.sections.evaluate import Target as Target
from rfast_bench.scenario.sections.network import NetworkSpec
from rfast_bench.scenario.sections.optimizer import OptimizerSpec, ScheduleSpec
from rfast_bench.scenario.sections.real import RealSpec
from rfast_bench.scenario.sections.simulation import Simulation
from rfast_bench.scenario.sections.stop import StopRule as StopRule
from rfast_bench.scenario.sections.timing import Straggler
from rfast_bench.scenario.sections.tuning import TuneSpec
from rfast_bench.scenario.values.base import Spec, Where, together
from rfast_bench.scenario.values.bounds import Repetitions, Seed, Workers, too_many
from rfast_bench.scenario.values.forms import Form
from rfast_bench.scenario.values.metrics import metric_of
from rfast_bench.scenario.values.swept import Named as Named
from rfast_bench.scenario.values.swept import Swept
from rfast_bench.scenario.values.targets import no_share


class Scenario(Spec):
    """A whole scenario file."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    """The folder of its records: letters, digits, `.`, `_` and `-`."""
    description: str = ""
    """What it is about, for readers only."""
    world: Literal["simulated", "real", "both"] = "simulated"
    """Where it runs: under the simulated clock, on real processes, or one after the other."""
    system: str | None = None
    """A known set-up, by name or path: it fills in workers, compute and network where nothing is said."""
    workers: Workers
    """How many workers there are; they are numbered from 0."""
    problem: ProblemSpec
    """What is optimised, on which data, and who holds them."""
    compute: Compute
    """How long one gradient takes at full speed; a list has one time a worker."""
    stragglers: tuple[Straggler, ...] = ()
    """Who is slow, and when."""
    network: NetworkSpec = NetworkSpec()
    """Latency, bandwidth and loss of the links."""
    faults: Faults = ()
    """What breaks, and when: a list, a file of them, or random ones."""
    optimizer: OptimizerSpec | None = None
    """Momentum, weight decay and clipping, for every algorithm that says nothing else."""
    schedule: ScheduleSpec | None = None
    """A factor of the step size over the run, for every algorithm that says nothing else."""
    algorithms: tuple[AlgorithmSpec, ...] = Field(min_length=1)
    """The algorithms that are compared."""
    stop: StopRule
    """When a run ends: with the first of these."""
    evaluate: Evaluate
    """When models are looked at, and which values are to be reached."""
    seeds: Repetitions = 1
    """How many repetitions, with seeds first_seed, first_seed + 1, ..."""
    first_seed: Seed = 0
    """The seed of the first repetition."""
    sweep: dict[str, Swept] = Field(default_factory=dict)
    """Key paths, such as `network.loss`, and the values that each takes: every combination is run."""
    tune: TuneSpec | None = None
    """Parameters that are searched for on other seeds before anything is reported."""
    baseline: str | None = None
    """Label of the algorithm that speed-ups are given against; null: `ring-allreduce`, if it is there."""
    allow_unsound: bool = False
    """Run also where a topology breaks its algorithm's condition; every table says so."""
    checkpoint: bool = False
    """Leave the mean model of the end of each run beside its tables."""
    simulation: Simulation = Simulation()
    """How the simulated world is computed."""
    real: RealSpec = RealSpec()
    """How the real world is run."""

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> Form:
        own = handler(core)
        systems.left_open(handler.resolve_ref_schema(own))
        return own

    def meant(self, key: str, said: Any) -> Any:
        """The value that a swept key's name stands for; anything else stands for itself."""
        values = {v.name: v.value for v in self.sweep.get(key, ()) if isinstance(v, Named)}
        return values.get(said, said) if isinstance(said, str) else said

    @property
    def gradient_seconds(self) -> float:
        """Mean time of a gradient at full speed, over the workers; of full shards as `compute` has it."""
        size = getattr(self.problem, "batch_size", None)
        return mean_compute(self.compute, self.workers, size if isinstance(size, int) else None)

    @model_validator(mode="before")
    @classmethod
    def _as_if(cls, data: Any, info: ValidationInfo) -> Any:
        return systems.expand(data, (info.context or {}).get("folder")) if isinstance(data, dict) else data

    @field_validator("compute")
    @classmethod
    def _takes_time(cls, compute: Compute, info: ValidationInfo) -> Compute:
        if wrong := wrong_compute(compute, info.data.get("workers")):
            raise ValueError(wrong)
        return compute

    @field_validator("stragglers")
    @classmethod
    def _known_workers(cls, stragglers: tuple[Straggler, ...], info: Any) -> tuple[Straggler, ...]:
        workers = info.data.get("workers")
        for k, straggler in enumerate(stragglers):
            for worker in straggler.workers:
                if workers is not None and not 0 <= worker < workers:
                    raise ValueError(f"straggler {k} names worker {worker}; workers are 0 to {workers - 1}")
        return stragglers

    @field_validator("network")
    @classmethod
    def _known_links(cls, network: NetworkSpec, info: Any) -> NetworkSpec:
        workers = info.data.get("workers")
        for k, link in enumerate(network.links):
            for worker in (link.sender, link.receiver):
                if workers is not None and worker >= workers:
                    raise ValueError(f"link {k} names worker {worker}; workers are 0 to {workers - 1}")
        if workers is not None and (wrong := network.wrong_size(workers)):
            raise ValueError(wrong)
        return network

    @field_validator("faults")
    @classmethod
    def _known_faults(cls, faults: Faults, info: Any) -> Faults:
        if wrong := wrong_faults(faults, info.data.get("workers"), info.data.get("network")):
            raise ValueError(wrong)
        return faults

    @model_validator(mode="after")
    def _faults_in_time(self) -> Scenario:
        if wrong := wrong_horizon(self.faults, self.stop.time, self.workers):
            raise ValueError(f"faults: {wrong}")
        return self

    @field_validator("algorithms")
    @classmethod
    def _label(cls, algorithms: tuple[AlgorithmSpec, ...]) -> tuple[AlgorithmSpec, ...]:
        names = Counter(a.name for a in algorithms)
        labelled = [a if a.label else a.model_copy(update={"label": _label(a, names)}) for a in algorithms]
        folders = Counter(label_folder(str(a.label)) for a in labelled)
        twice = [str(a.label) for a in labelled if folders[label_folder(str(a.label))] > 1]
        if twice:
            raise ValueError(f"'{twice[0]}' comes more than once (as a folder name); give each its own label")
        return tuple(labelled)

    @field_validator("evaluate")
    @classmethod
    def _evaluated(cls, evaluate: Evaluate, info: ValidationInfo) -> Evaluate:
        problem = info.data.get("problem")
        if problem is not None and (wrong := wrong_samples(evaluate, problem.kind)):
            raise ValueError(wrong)
        _shares(
            # a name that is not in the file (for `of` made it) is left out when its place is told
            [
                (v, ("targets", n, "accuracy"))
                for n, values in evaluate.targets.items()
                for v in values
                if metric_of(n) == "accuracy"
            ],
            info,
        )
        return evaluate

    @field_validator("stop")
    @classmethod
    def _stopped(cls, stop: StopRule, info: ValidationInfo) -> StopRule:
        _shares([(None if stop.target is None else stop.target.accuracy, ("target", "accuracy"))], info)
        return stop

    @field_validator("tune")
    @classmethod
    def _tuned(cls, tune: TuneSpec | None, info: ValidationInfo) -> TuneSpec | None:
        target = {} if tune is None else tune.objective.time_to or {}
        _shares([(target.get("accuracy"), ("objective", "time_to", "accuracy"))], info)
        return tune

    @model_validator(mode="after")
    def _judged(self) -> Scenario:
        if wrong := wrong_workers(self.evaluate, self.asked, self.workers):
            raise ValueError(wrong)
        return self

    @property
    def asked(self) -> list[tuple[str, str]]:
        """Keys, and the numbers that they wait for: targets of tables, of the stop rule, of tuning."""
        stop = () if self.stop.target is None else self.stop.target.wanted
        found = [(TARGETS, name) for name in self.evaluate.targets] + [("stop.target", n) for n in stop]
        return found if self.tune is None else [*found, (self.tune.objective.key, self.tune.objective.number)]

    @property
    def waited_for(self) -> list[str]:
        """The numbers that targets are on."""
        return list(dict.fromkeys(name for _, name in self.asked))

    @property
    def judged(self) -> tuple[int, ...]:
        """The workers whose own models count for the median and the worst."""
        return self.evaluate.judged(self.problem.kind, self.workers, self.waited_for)

    @model_validator(mode="after")
    def _tuned_apart(self) -> Scenario:
        """Tuning must not see the seeds that are reported, and happens once for all or per swept key."""
        if self.tune is None:
            return self
        reported, other = range(self.first_seed, self.first_seed + self.seeds), self.tune.all_seeds
        both = max(reported[0], other[0])
        if both <= min(reported[-1], other[-1]):
            raise ValueError(
                f"tune: seed {both} is also reported (seeds {reported[0]} to {reported[-1]}); "
                "give tune.first_seed another value"
            )
        for key in self.tune.per:
            if key not in self.sweep:
                raise ValueError(f"tune.per: '{key}' is not swept{suggest(key, self.sweep)}")
        refused = ("tune", "sweep", "seeds", "first_seed", "world", "name")
        for where, keys in (("sweep", self.sweep), ("tune.anchor", self.tune.anchor)):
            wrong = [
                key for key in keys if key.partition(".")[0] in refused[: 1 if where == "sweep" else None]
            ]
            if wrong:
                raise ValueError(f"{where}: '{wrong[0]}' cannot be set here")
        return self

    @model_validator(mode="after")
    def _affordable(self) -> Scenario:
        points = [(len(values), f"values of {key}") for key, values in self.sweep.items()]
        counts = [*points, (len(self.algorithms), "algorithms"), (self.seeds, "seeds")]
        if wrong := too_many(counts):
            raise ValueError(wrong)
        return self

    @model_validator(mode="after")
    def _known_baseline(self) -> Scenario:
        labels = [a.label for a in self.algorithms]
        if self.baseline is not None and self.baseline not in labels:
            raise ValueError(
                f"baseline '{self.baseline}' is not among the algorithms: {', '.join(map(str, labels))}; give one "
                "of them, or none (--set baseline=null)"
            )
        return self


def _shares(accuracies: list[tuple[float | None, Where]], info: ValidationInfo) -> None:
    """Raises ValidationError for one that is no share, where the problem's own metric is the accuracy."""
    problem = info.data.get("problem")
    if (
        problem is None
        or isinstance(problem, PlugInSpec)
        or getattr(problem, "metric", "accuracy") != "accuracy"
    ):
        return
    if wrong := [one for value, where in accuracies if value is not None for one in no_share(value, where)]:
        raise together(wrong)


BESIDE = (".md", ".csv", ".png", ".svg", ".pdf", ".pgf", ".html")  # ends of files in a scenario's folder


def folder_name(text: str) -> str:
    """A label or value as it appears in folder names: what is not a letter, digit or `._-` becomes `_`."""
    return "".join(c if c.isalnum() or c in "._-" else "_" for c in text)


def label_folder(label: str) -> str:
    """The folder of a label's runs: no hidden one, none above, and no file that stands beside it."""
    name = folder_name(label)
    name = f"_{name[1:]}" if name.startswith(".") else name
    return f"{name}_" if name.lower().endswith(BESIDE) else name


def _label(algorithm: AlgorithmSpec, names: Counter[str]) -> str:
    short = algorithm.name.rpartition(":")[2]
    if names[algorithm.name] == 1 or algorithm.topology is None:
        return short
    return f"{short}-{algorithm.topology.kind}"


def load(path: Any, overrides: Any = ()) -> Scenario:
    """Read a scenario file; `overrides` are `key.path=value` strings. Raises UserError with the mistakes."""
    return load_with(Scenario, path, overrides)
