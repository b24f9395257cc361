"""Effects from summary numbers, as reports publish them: an interval, or counts in two arms."""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Real

from scipy import special

from analysis_lib.errors import InvalidInput, NotEstimable
from analysis_lib.results import Check, Estimate, Interval, Message, Scale, check_level

__all__ = ["check_equal_proportions", "difference_in_proportions", "std_error_from_interval"]

_DIFFERENT = 0.05


def std_error_from_interval(low: float, high: float, level: float = 0.95, scale: Scale = "identity") -> float:
    r"""Return the standard error behind a published normal interval.

    Parameters
    ----------
    low, high
        The interval's limits; of the ratio itself with `scale="log"`.
    level
        Its coverage.
    scale
        "log" for a ratio: the standard error is then that of its logarithm.

    Returns
    -------
    float
        With limits rounded to :math:`\pm r` it is uncertain by :math:`\pm r / z` (for a ratio, relative to the limits).

    Raises
    ------
    InvalidInput
        The limits are not finite, not in order, or (for a ratio) not above 0.

    Notes
    -----
    :math:`(high - low) / (2 z)`, of the logarithms for a ratio.

    References
    ----------
    Cochrane Handbook for Systematic Reviews of Interventions, 6.3.1 and 6.3.2.

    Examples
    --------
    >>> round(std_error_from_interval(0.97, 1.29, scale="log"), 3)
    0.073
    """
    check_level(level)
    if scale not in ("identity", "log"):
        raise InvalidInput(f"scale is {scale!r}; must be 'identity' or 'log'")
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise InvalidInput(f"low and high are {low} and {high}; must be finite, and low below high")
    if scale == "log" and low <= 0:
        raise InvalidInput(f"low is {low}; must be above 0 for a ratio")
    width = math.log(high / low) if scale == "log" else high - low
    return width / (2 * float(special.ndtri((1 + level) / 2)))


def difference_in_proportions(
    events_treated: int, n_treated: int, events_control: int, n_control: int, *, level: float = 0.95
) -> Estimate:
    r"""Estimate the difference between two arms' shares from counts.

    Parameters
    ----------
    events_treated, n_treated, events_control, n_control
        People with the event, and people, in each arm; whole numbers.
    level
        Coverage of the interval.

    Returns
    -------
    Estimate
        The difference of shares (0.04 is 4 percentage points) with Newcombe's interval, which stays within -1 and 1,
        and the p-value of `check_equal_proportions`. `std_error` is the unpooled one, for pooling; 0 where both
        shares are 0 or 1.

    Raises
    ------
    InvalidInput
        A count is not a whole number of 0 or more, or there are more events than people.
    NotEstimable
        An arm has nobody.

    Notes
    -----
    Newcombe's method 10: with Wilson's limits :math:`l_j, u_j` of each share :math:`p_j` and :math:`d = p_1 - p_0`,

    .. math:: d - \sqrt{(p_1 - l_1)^2 + (u_0 - p_0)^2} \quad\text{to}\quad d + \sqrt{(u_1 - p_1)^2 + (p_0 - l_0)^2}.

    References
    ----------
    Newcombe (1998), doi 10.1002/(SICI)1097-0258(19980430)17:8<873::AID-SIM779>3.0.CO;2-I.

    Examples
    --------
    >>> found = difference_in_proportions(56, 70, 48, 80)
    >>> f"{found.value:.2f} ({found.interval.low:.4f} to {found.interval.high:.4f})"
    '0.20 (0.0524 to 0.3339)'
    """
    check_level(level)
    _check_counts(events_treated, n_treated, events_control, n_control)
    rule = _Newcombe(one=(events_treated, n_treated), zero=(events_control, n_control))
    one, zero = events_treated / n_treated, events_control / n_control
    low, high = rule.interval_at(level)
    return Estimate(
        estimand=Message("difference in proportions"),
        value=one - zero,
        std_error=math.sqrt(one * (1 - one) / n_treated + zero * (1 - zero) / n_control),
        interval=Interval(low=low, high=high, level=level),
        p_value=_equality(events_treated, n_treated, events_control, n_control)[1],
        method=Message("two proportions, Newcombe's interval, score test"),
        n_treated=n_treated,
        n_control=n_control,
        n=n_treated + n_control,
        rule=rule,
    )


def check_equal_proportions(events_treated: int, n_treated: int, events_control: int, n_control: int) -> Check:
    r"""Test that two arms have the same share, from counts (score test; Pearson's chi-square).

    Parameters
    ----------
    events_treated, n_treated, events_control, n_control
        As in `difference_in_proportions`.

    Returns
    -------
    Check
        `statistic` is z, positive where the treated have the larger share. `passed` says that no difference was found
        at the threshold of 0.05. Without events, or with nothing else, z is NaN: nothing was tested.

    Raises
    ------
    InvalidInput, NotEstimable
        As in `difference_in_proportions`.

    Notes
    -----
    :math:`z = (p_1 - p_0) / \sqrt{p (1 - p) (1 / n_1 + 1 / n_0)}` with p the share in both arms together, as R's
    `prop.test(correct = FALSE)`, whose chi-square is :math:`z^2`.

    References
    ----------
    Pearson (1900), doi 10.1080/14786440009463897.

    Examples
    --------
    >>> round(check_equal_proportions(207, 1296, 156, 1297).statistic, 1)
    2.9
    """
    _check_counts(events_treated, n_treated, events_control, n_control)
    z, p_value = _equality(events_treated, n_treated, events_control, n_control)
    untested = math.isnan(z)
    return Check(
        name=Message("the same share in both arms"),
        passed=None if untested else p_value >= _DIFFERENT,
        statistic=z,
        p_value=p_value,
        threshold=_DIFFERENT,
        method=Message("score test of two proportions"),
        detail=Message("nobody, or everybody, had the event") if untested else "",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Newcombe:
    """Newcombe's interval from (events, people) in each arm."""

    one: tuple[int, int]
    zero: tuple[int, int]

    def interval_at(self, level: float) -> tuple[float, float]:
        """Return (low, high) at the level."""
        z = float(special.ndtri((1 + level) / 2))
        p1, l1, u1 = _wilson(*self.one, z)
        p0, l0, u0 = _wilson(*self.zero, z)
        difference = p1 - p0
        return difference - math.hypot(p1 - l1, u0 - p0), difference + math.hypot(u1 - p1, p0 - l0)


def _wilson(events: int, n: int, z: float) -> tuple[float, float, float]:
    """Return the share and Wilson's limits."""
    share = events / n
    middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * math.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return share, middle - half, middle + half


def _equality(events_treated: int, n_treated: int, events_control: int, n_control: int) -> tuple[float, float]:
    """Return z and its two-sided p-value; NaN where the event does not vary."""
    share = (events_treated + events_control) / (n_treated + n_control)
    if share in (0.0, 1.0):
        return math.nan, math.nan
    spread = math.sqrt(share * (1 - share) * (1 / n_treated + 1 / n_control))
    z = (events_treated / n_treated - events_control / n_control) / spread
    return z, float(2 * special.ndtr(-abs(z)))


def _check_counts(events_treated: int, n_treated: int, events_control: int, n_control: int) -> None:
    """Raise where the counts are impossible."""
    arms = (("treated", events_treated, n_treated), ("control", events_control, n_control))
    for label, events, people in arms:
        for name, count in ((f"events_{label}", events), (f"n_{label}", people)):
            if not isinstance(count, Real) or not math.isfinite(count) or count != int(count) or count < 0:
                raise InvalidInput(f"{name} is {count}; must be a whole number of 0 or more")
        if events > people:
            raise InvalidInput(f"events_{label} is {events}; must be at most n_{label}, {people}")
    for label, people in ((Message("treated"), n_treated), (Message("control"), n_control)):
        if people == 0:
            raise NotEstimable(Message("nobody in the {arm} arm", arm=label))
