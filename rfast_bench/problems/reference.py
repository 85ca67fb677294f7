"""The optimum that runs are measured against."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeGuard

import numpy as np
from numpy.typing import NDArray

from rfast_bench.problems.base import Problem
from rfast_bench.problems.logistic import Logistic
from rfast_bench.problems.seats import bare

Vector = NDArray[np.float64]
NEWTON_STEPS = 50
HALVINGS = 10


@dataclass(frozen=True)
class Reference:
    """An optimum: the model (d,) in float64, `f` there, and how long the gradient still is."""

    x: Vector
    loss: float
    gradient_norm: float


def reference(problem: Problem) -> Reference | None:
    """The optimum in float64; None when none is known.

    It is what the problem itself gives in closed form, or found for logistic regression with l2, which has just one.
    """
    problem = bare(problem)
    known = problem.reference()
    if known is not None:
        return _at(problem, np.asarray(known, np.float64))
    return _logistic(problem) if _has_just_one(problem) else None


def has_reference(problem: Problem) -> bool:
    """Whether `reference` would give one."""
    problem = bare(problem)
    return _has_just_one(problem) or problem.reference() is not None


def _has_just_one(problem: Problem) -> TypeGuard[Logistic]:
    return isinstance(problem, Logistic) and problem.l2 > 0


def _at(problem: Problem, x: Vector) -> Reference:
    loss, gradient = problem.objective(x)
    return Reference(x, loss, float(np.linalg.norm(gradient)))


def _logistic(problem: Logistic) -> Reference:
    """L-BFGS stops near a gradient norm of 1e-6; Newton steps by conjugate gradients do the rest."""
    from scipy.optimize import minimize  # slow to import, and only one process of a run needs it

    rough = minimize(
        problem.objective,
        np.zeros(problem.dim),
        (),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": 10_000, "maxfun": 20_000, "gtol": 1e-7, "ftol": 0.0},
    )
    best = _at(problem, np.asarray(rough.x, np.float64))
    for _ in range(NEWTON_STEPS):
        better = _newton(problem, best)
        if better is None:
            break
        best = better
    return best


def _newton(problem: Logistic, now: Reference) -> Reference | None:
    """A Newton step, halved until the gradient gets shorter; None when rounding allows no shorter one."""
    if now.gradient_norm == 0:
        return None
    from scipy.sparse.linalg import LinearOperator, cg

    curvature = LinearOperator((problem.dim,) * 2, matvec=problem.hessian(now.x), dtype=np.float64)
    step, _ = cg(curvature, -problem.objective(now.x)[1], rtol=1e-6, maxiter=10 * problem.dim)
    for halving in range(HALVINGS):
        tried = _at(problem, now.x + step / 2**halving)
        if tried.gradient_norm < 0.9 * now.gradient_norm:
            return tried
    return None
