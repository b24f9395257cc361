"""Learn who gains from half of the people, to be held against the other half (generic machine learning)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from analysis_lib.errors import InvalidInput, NotEstimable
from analysis_lib.results import FloatArray, Message
from analysis_lib.trials._arrays import (
    BoolArray,
    Covariates,
    Groups,
    IntArray,
    as_binary,
    as_covariates,
    as_groups,
    as_numbers,
    check_clusters,
)
from analysis_lib.trials._options import check_rng, check_whole

__all__ = ["LearnedEffects", "Split", "given_effects", "learn_effects"]

# Half of them learn, and half of those in a fifth are compared: fewer leave nothing to either.
_FEWEST_IN_AN_ARM = 20


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Split:
    """The people that a prediction is held against, by position, and what was predicted for them, each of shape (m,).

    `baseline` is the outcome without treatment, `effect` the effect: proxies, which need not be right.
    """

    main: IntArray
    baseline: FloatArray
    effect: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LearnedEffects:
    """A trial's people, and what was learned of their effects in each of several splits.

    Attributes
    ----------
    y, treated, propensity
        Outcome, arm, and known probability of treatment, of shape (n,).
    covariates, cluster
        What was learned from, and the units assigned together (`None`: people).
    splits
        One for each time the people were split.
    """

    y: FloatArray
    treated: BoolArray
    propensity: FloatArray
    covariates: Covariates
    cluster: Groups | None
    splits: tuple[Split, ...] = field(repr=False)


def learn_effects(
    y: ArrayLike,
    treated: ArrayLike,
    covariates: Any,
    *,
    propensity: ArrayLike,
    rng: np.random.Generator,
    splits: int = 100,
    learner: Any = None,
    cluster: Any = None,
) -> LearnedEffects:
    r"""Split the people in halves, learn each person's effect in one half, and predict it in the other; many times.

    Parameters
    ----------
    y, treated, cluster
        As in `difference_in_means`. Clusters go to one half whole.
    covariates
        Known before assignment: a data frame, or an array of shape (n, k) or (n,); finite numbers.
    propensity
        The probability of treatment, as designed: one number, or one for each person, shape (n,), where it differs by
        block. It is never estimated.
    rng
        The source of chance: the halves, and the learners' own.
    splits
        How many times. A hundred make the medians over splits steady.
    learner
        A scikit-learn regressor, or anything with its `fit`, `predict` and `get_params`. By default the mean of a
        random forest (100 trees, leaves of 5 or more) and a cross-validated elastic net.

    Returns
    -------
    LearnedEffects
        For `best_linear_predictor`, `sorted_group_effects` and `classification_analysis`.

    Raises
    ------
    InvalidInput
        An argument is not as described; the message names it.
    NotEstimable
        Fewer than 20 people in an arm, or two clusters.

    Notes
    -----
    In each split, one learner is fitted to the controls of the auxiliary half, and one to its treated. In the main half
    their predictions give the baseline :math:`B(z) = \hat m_0(z)` and the effect :math:`S(z) = \hat m_1(z) - \hat
    m_0(z)`. Halves are drawn within arms.

    References
    ----------
    Chernozhukov, Demirer, Duflo and Fernández-Val (2025), doi 10.3982/ECTA19303.

    Examples
    --------
    >>> from sklearn.linear_model import LinearRegression
    >>> rng = np.random.default_rng(1)
    >>> age, treated = rng.uniform(20, 60, 400), rng.integers(0, 2, 400)
    >>> weeks = 20 + treated * (age - 40) / 10 + rng.normal(size=400)
    >>> learned = learn_effects(weeks, treated, age, propensity=0.5, rng=rng, splits=3, learner=LinearRegression())
    >>> [round(float(np.corrcoef(split.effect, age[split.main])[0, 1]), 3) for split in learned.splits]
    [1.0, 1.0, 1.0]
    """
    people = _read(y, treated, covariates, propensity, cluster)
    check_whole(splits, "splits", 1)
    check_rng(rng)
    missing = [name for name in ("fit", "predict", "get_params") if not hasattr(learner, name)]
    if learner is not None and missing:
        raise InvalidInput(f"learner has no {missing[0]}; must be a scikit-learn regressor")
    if isinstance(learner, type):
        raise InvalidInput(f"learner is the class {learner.__name__}; must be a regressor made from it")
    _check_arms(people)
    model = _default_learner() if learner is None else learner
    return _with_splits(people, tuple(_learn_once(people, model, rng) for _ in range(splits)))


def given_effects(
    y: ArrayLike,
    treated: ArrayLike,
    covariates: Any,
    *,
    propensity: ArrayLike,
    baseline: ArrayLike,
    effect: ArrayLike,
    cluster: Any = None,
) -> LearnedEffects:
    """Take predictions that were learned elsewhere (an earlier trial), to hold them against everyone here.

    Parameters
    ----------
    y, treated, covariates, propensity, cluster
        As in `learn_effects`.
    baseline, effect
        What was predicted for each person without these people's outcomes, shape (n,).

    Returns
    -------
    LearnedEffects
        With one split, whose main part is everyone.

    Raises
    ------
    InvalidInput, NotEstimable
        As in `learn_effects`.

    Examples
    --------
    >>> learned = given_effects([1.0, 2.0] * 20, [0, 1] * 20, [30, 40] * 20, propensity=0.5,
    ...                         baseline=[1.0] * 40, effect=[0.5, 1.5] * 20)
    >>> len(learned.splits[0].main)
    40
    """
    people = _read(y, treated, covariates, propensity, cluster)
    _check_arms(people)
    n = len(people.y)
    split = Split(
        main=np.arange(n), baseline=as_numbers(baseline, "baseline", n), effect=as_numbers(effect, "effect", n)
    )
    return _with_splits(people, (split,))


def _read(y: ArrayLike, treated: ArrayLike, covariates: Any, propensity: ArrayLike, cluster: Any) -> LearnedEffects:
    """Check the arguments."""
    outcome = as_numbers(y, "y")
    n = len(outcome)
    chances = np.full(n, propensity) if np.ndim(propensity) == 0 else propensity
    probability = as_numbers(chances, "propensity", n)
    outside = probability[(probability <= 0) | (probability >= 1)]
    if outside.size:
        raise InvalidInput(f"propensity has the value {outside[0]:g}; must be between 0 and 1")
    given = as_covariates(covariates, n)
    if not given.names:
        raise InvalidInput("covariates has no columns; must have one or more to learn from")
    return LearnedEffects(
        y=outcome,
        treated=as_binary(treated, "treated", n),
        propensity=probability,
        covariates=given,
        cluster=None if cluster is None else as_groups(cluster, "cluster", n),
        splits=(),
    )


def _with_splits(people: LearnedEffects, splits: tuple[Split, ...]) -> LearnedEffects:
    return LearnedEffects(
        y=people.y, treated=people.treated, propensity=people.propensity, covariates=people.covariates,
        cluster=people.cluster, splits=splits,
    )  # fmt: skip


def _check_arms(people: LearnedEffects) -> None:
    """Raise where an arm is too small to be halved."""
    for label, arm in ((Message("treated"), people.treated), (Message("control"), ~people.treated)):
        if arm.sum() < _FEWEST_IN_AN_ARM:
            raise NotEstimable(
                Message(
                    "{n} people in the {arm} arm; {least} are needed to learn who gains",
                    n=int(arm.sum()), arm=label, least=_FEWEST_IN_AN_ARM,
                )
            )  # fmt: skip
    if people.cluster is not None:
        check_clusters(people.cluster, people.treated)


def _learn_once(people: LearnedEffects, learner: Any, rng: np.random.Generator) -> Split:
    """Split, learn in one half, and predict in the other."""
    in_main = _draw_half(people, rng)
    main = np.flatnonzero(in_main)
    x = people.covariates.values
    predicted = []
    for arm in (~people.treated, people.treated):
        own = arm & ~in_main
        predicted.append(_predict(learner, x[own], people.y[own], x[main], rng))
    return Split(main=main, baseline=predicted[0], effect=predicted[1] - predicted[0])


def _draw_half(people: LearnedEffects, rng: np.random.Generator) -> BoolArray:
    """Return who is in the main half: half of each arm, or of the clusters that are treated, control and mixed."""
    codes = np.arange(len(people.y)) if people.cluster is None else people.cluster.codes
    size = np.bincount(codes)
    treated = np.bincount(codes, weights=people.treated)
    kind = (treated > 0).astype(np.intp) + (treated == size)
    chosen = np.zeros(len(size), dtype=np.bool_)
    for label in np.unique(kind):
        units = rng.permutation(np.flatnonzero(kind == label))
        # an odd unit goes to either half
        chosen[units[: (len(units) + int(rng.integers(2))) // 2]] = True
    in_main: BoolArray = chosen[codes]
    for half in (in_main, ~in_main):
        if not (people.treated & half).any() or not (~people.treated & half).any():
            raise NotEstimable(Message("too few clusters: a half of them lacks an arm"))
    return in_main


def _predict(learner: Any, x: FloatArray, y: FloatArray, at: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Fit a fresh copy of the learner and predict; an outcome that does not vary is predicted as it is."""
    if np.ptp(y) == 0:
        return np.full(len(at), y[0])
    from sklearn.base import clone  # noqa: PLC0415 (half a second to import)

    fresh = clone(learner)
    names = sorted(name for name in fresh.get_params() if name.split("__")[-1] == "random_state")
    fresh.set_params(**{name: int(rng.integers(2**31)) for name in names})
    predicted = np.asarray(fresh.fit(x, y).predict(at), dtype=np.float64)
    if predicted.shape != (len(at),) or not np.all(np.isfinite(predicted)):
        raise InvalidInput(f"learner predicted {predicted.shape} values; must be ({len(at)},) finite numbers")
    return predicted


def _default_learner() -> Any:
    """Return the mean of a random forest and an elastic net."""
    from sklearn.ensemble import RandomForestRegressor, VotingRegressor  # noqa: PLC0415 (half a second to import)
    from sklearn.linear_model import ElasticNetCV  # noqa: PLC0415
    from sklearn.pipeline import make_pipeline  # noqa: PLC0415
    from sklearn.preprocessing import StandardScaler  # noqa: PLC0415

    forest = RandomForestRegressor(n_estimators=100, min_samples_leaf=5)
    net = make_pipeline(StandardScaler(), ElasticNetCV(cv=5, max_iter=100_000))
    return VotingRegressor([("forest", forest), ("net", net)])
