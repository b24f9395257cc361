"""Check the times and events that every function of durations takes."""

from __future__ import annotations

from numpy.typing import ArrayLike

from analysis_lib.errors import NotEstimable
from analysis_lib.results import FloatArray, Message
from analysis_lib.trials._arrays import BoolArray, as_binary, as_times


def read_durations(time: ArrayLike, event: ArrayLike) -> tuple[FloatArray, BoolArray]:
    """Check times and events, and that there is an event."""
    times = as_times(time, "time")
    events = as_binary(event, "event", len(times))
    if not events.any():
        raise NotEstimable(Message("none of {n} people had the event", n=len(times)))
    return times, events
