"""From a scenario to an engine: the module is made, its data put into tensors, and all of it checked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parameter import UninitializedBuffer, UninitializedParameter

from rfast_bench.errors import UserError
from rfast_bench.problems.data.datasets import Data, Labels
from rfast_bench.problems.networks import losses, models
from rfast_bench.problems.networks.check import Check
from rfast_bench.problems.networks.engine import Engine, Rows, Samples, Task
from rfast_bench.problems.networks.randomness import key, seeded
from rfast_bench.problems.networks.trail import Trail
from rfast_bench.scenario.problem.kinds import TorchSpec
from rfast_bench.scenario.user_files.modules import MISTAKES, function
from rfast_bench.scenario.values.base import is_code

HOST = torch.device("cpu")
"""Where problems are built and checked."""
CALIBRATION = 128
"""Rows of a batch that statistics are computed over, where gradients are of whole shards."""
CHUNK_BYTES, MOST = 32 * 2**20, 1024
"""Of what all layers give, and samples, that one step of an evaluation looks at."""


@dataclass(frozen=True)
class Prepared:
    """A module that was checked, and what the check found."""

    engine: Engine
    joins: bool
    """Whether a last batch of one sample joins the batch before it, for the module refuses one alone."""
    gradient_bytes: int
    """What one gradient's way through the layers takes."""


def prepare(
    spec: TorchSpec, data: Data, shards: Sequence[Labels], size: int | None, seed: int, where: str
) -> Prepared:
    """The module on the host with its data; `size` of a batch, None for whole shards.

    Raises UserError, starting with the key path `where`, for whatever the check finds.
    """
    classes = losses.takes_classes(spec.loss, data.classes)
    if spec.loss == "cross-entropy" and data.classes == 0:
        raise UserError(
            f"{where}.loss: cross-entropy is of class labels, but the data have numbers; allowed: mse"
        )
    train = _samples(data.features, data.labels, classes, spec.dtype)
    test = _samples(data.test_features, data.test_labels, classes, spec.dtype)
    if spec.loss == "bce-with-logits" and not bool(((train.targets >= 0) & (train.targets <= 1)).all()):
        raise UserError(
            f"{where}.loss: bce-with-logits wants targets from 0 to 1 (two classes), not more classes"
        )
    used = np.sort(np.concatenate(shards))
    make = partial(_module, spec, data, train, key(seed), where)
    batches = _calibration(used, size or CALIBRATION, spec.recalibrate)
    engine = Engine(Task(make, _loss(spec, where), _metric(spec, where), batches), train, test, HOST)
    engine.seed = seed
    rows, others, joins = _batches(engine, shards, size, spec.sampling == "with-replacement", where)
    weight = Check(engine, spec.loss, where).whole(rows, others)
    engine.chunk = max(1, min(MOST, CHUNK_BYTES // weight))
    return Prepared(engine, joins, 2 * weight * len(rows))


def _calibration(used: Rows, size: int, count: int) -> tuple[Rows, ...]:
    """`count` batches of `size` of the rows (at least 2 where there are), the same in every run on these data."""
    rng = np.random.default_rng(0)
    size = min(len(used), max(2, size))
    return tuple(rng.choice(used, size, replace=False) for _ in range(count))


def _samples(features: Any, labels: Any, classes: bool, dtype: str) -> Samples:
    kind = dtype if features.dtype.kind == "f" else "int64"  # numbers of words, say, for an embedding
    inputs = torch.from_numpy(np.require(features, kind, "W"))  # windows of a text are read-only
    return Samples(inputs, torch.from_numpy(np.require(labels, "int64" if classes else dtype, "W")))


def _loss(spec: TorchSpec, where: str) -> losses.Loss:
    return function(spec.loss, f"{where}.loss") if is_code(spec.loss) else losses.LOSSES[spec.loss]


def _metric(spec: TorchSpec, where: str) -> losses.Metric | None:
    if is_code(spec.metric):
        return function(spec.metric, f"{where}.metric")
    return losses.METRICS.get(spec.metric)


# --------------------------------------------------------------------------------------------- the module
def _module(spec: TorchSpec, data: Data, train: Samples, start: int, where: str) -> nn.Module:
    """A fresh module, its start drawn from the stream `start`; lazy layers are initialised by the first samples."""
    make = _maker(spec, data, where)
    with seeded(start, HOST):
        try:
            made: Any = make(**spec.model_args)
        except MISTAKES as problem:
            raise UserError(
                f"{where}.model: {spec.model} could not be made with model_args {spec.model_args}: "
                f"{type(problem).__name__}: {problem}"
            ) from problem
        if not isinstance(made, nn.Module):
            raise UserError(
                f"{where}.model: {spec.model} gives a {type(made).__name__}, not a torch.nn.Module"
            )
        _real(made, where)
        module: nn.Module = made.to(getattr(torch, spec.dtype))
        if any(_is_lazy(value) for value in (*module.parameters(), *module.buffers())):
            _wake(module, train.inputs[:2].clone(), where)
    _trainable(module, spec.model, where)
    return module


def _maker(spec: TorchSpec, data: Data, where: str) -> Callable[..., Any]:
    if is_code(spec.model):
        return function(spec.model, f"{where}.model")
    return partial(models.MODELS[spec.model], data)


def _is_lazy(value: Tensor) -> bool:
    return isinstance(value, UninitializedParameter | UninitializedBuffer)


def _wake(module: nn.Module, inputs: Tensor, where: str) -> None:
    module.eval()
    try:
        with torch.no_grad(), Trail(module) as trail:
            module(inputs)
    except MISTAKES as problem:
        raise UserError(
            f"{where}.model: {trail.layer} {type(problem).__name__} with a batch of {len(inputs)}: {problem}"
        ) from problem
    asleep = [name for name, value in module.named_parameters() if _is_lazy(value)]
    if asleep:
        raise UserError(
            f"{where}.model: the forward pass does not use '{asleep[0]}', a lazy layer: leave it out"
        )


def _real(module: nn.Module, where: str) -> None:
    """Before the type is set, which would drop imaginary parts."""
    for own, value in (*module.named_parameters(), *module.named_buffers()):
        if value.is_complex():
            raise UserError(
                f"{where}.model: '{own}' is complex; models here are real. Keep real and imaginary parts, and put "
                "them together in forward (torch.view_as_complex)"
            )


def _trainable(module: nn.Module, name: str, where: str) -> None:
    trained = [(own, value) for own, value in module.named_parameters() if value.requires_grad]
    if not trained:
        frozen = "all of its parameters are frozen" if list(module.parameters()) else "it has no parameters"
        raise UserError(f"{where}.model: {name} has nothing to train: {frozen}")
    seen: dict[int, str] = {}
    for own, value in trained:
        twin = seen.setdefault(value.data_ptr(), own) if value.numel() else own
        if twin != own:
            raise UserError(
                f"{where}.model: parameters '{twin}' and '{own}' are two that share their memory; let both layers have "
                "one parameter (a.weight = b.weight)"
            )
        if value.dtype != trained[0][1].dtype:
            raise UserError(
                f"{where}.model: parameter '{own}' is {value.dtype}, others are {trained[0][1].dtype}"
            )


# ---------------------------------------------------------------------------------------------- the batches
def _batches(
    engine: Engine, shards: Sequence[Labels], batch: int | None, replaced: bool, where: str
) -> tuple[Rows, list[Rows], bool]:
    """A batch of the usual size, batches of the smallest and largest other sizes that occur, and whether a last one
    of one sample joins the batch before it: it does where the module refuses a batch of one."""
    lengths = [len(shard) for shard in shards]
    sizes = {size for length in lengths for size in _sizes(length, batch, replaced)}
    usual = max(sizes)
    joins = 1 in sizes and usual > 1 and _refuses_one(engine)
    if joins:
        single = next((i for i, length in enumerate(lengths) if length == 1), None)
        if single is not None:
            raise UserError(
                f"{where}.partition: worker {single} holds one sample, and the module wants at least two in a batch "
                "(a layer normalises over the batch); use another partition, or GroupNorm"
            )
        sizes = sizes - {1}
        usual = max(sizes)
    order = np.concatenate(shards)
    others = [order[:size] for size in {min(sizes), *sorted(sizes)[-2:-1]} if size != usual]
    return order[:usual], others, joins


def _sizes(length: int, batch: int | None, replaced: bool) -> set[int]:
    """Of batches from a shard of `length` samples."""
    if batch is None:
        return {length}
    if replaced:
        return {batch}
    full = {batch} if length >= batch else set()
    return full | ({length % batch} - {0})


def _refuses_one(engine: Engine) -> bool:
    """Whether one sample is refused where two are not; asked of a module of its own, which may be changed by it."""
    asked = engine.on(engine.device)
    with torch.no_grad():
        return _fails(asked, 1) and not _fails(asked, 2)


def _fails(engine: Engine, samples: int) -> bool:
    engine.buffers.train()
    inputs, _ = engine.train.rows(np.arange(samples))
    try:
        with seeded(0, inputs.device):
            engine.flat.module(inputs)
    except ValueError as problem:
        return "more than 1 value per channel" in str(problem)
    except MISTAKES:  # the check says what it is
        return False
    return False
