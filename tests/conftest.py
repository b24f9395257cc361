"""Fixtures shared by all tests."""

import hashlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from scipy import stats


@pytest.fixture(scope="session")
def public_data() -> Path:
    """The folder of public data sets (docs/data.md), or a skipped test."""
    folder = os.environ.get("PUBLIC_DATA")
    if not folder:
        pytest.skip("PUBLIC_DATA is not set: it names the folder with the public data sets of docs/data.md")
    path = Path(folder)
    if not path.is_dir():
        pytest.skip(f"PUBLIC_DATA is {folder}: there is no such folder")
    return path


# Chance alone puts a count outside these limits in one case of a thousand.
CALIBRATION_LIMITS = 0.999


@pytest.fixture
def coverage(request: pytest.FixtureRequest, record_property: Callable[[str, object], None]) -> Callable[..., None]:
    """Return a function that draws simulated trials and holds the share of successes against the share claimed.

    `coverage(name, draw, claim=0.95, share=1.0)` calls `draw(rng)` in CALIBRATION_TRIALS (500) x `share` trials, at
    least 100: true where the interval covered, or the test did not reject. Both sides of the binomial limits count.
    Each name has a random stream of its own, unless `seed` is given. The shares are printed at the end of the run.
    """

    def measure(
        name: str,
        draw: Callable[[np.random.Generator], bool],
        *,
        claim: float = 0.95,
        share: float = 1.0,
        seed: Sequence[int] = (),
    ) -> None:
        trials = max(round(share * int(os.environ.get("CALIBRATION_TRIALS", "500"))), 100)
        stream = seed or list(hashlib.sha256(name.encode()).digest()[:8])
        rng = np.random.default_rng(list(stream))
        hits = sum(bool(draw(rng)) for _ in range(trials))
        record_property("calibration", (name, hits / trials, claim, trials))
        low, high = stats.binom.interval(CALIBRATION_LIMITS, trials, claim)
        assert low <= hits <= high, f"{name}: {hits} of {trials}; must be {low:.0f} to {high:.0f}"

    return measure


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the calibration table of docs/methods.md where CALIBRATION_TRIALS is set."""
    if "CALIBRATION_TRIALS" not in os.environ:
        return
    reports = [r for key in ("passed", "failed") for r in terminalreporter.getreports(key)]
    rows = sorted(tuple(v) for r in reports for k, v in getattr(r, "user_properties", ()) if k == "calibration")
    terminalreporter.write_line("| case | coverage | claimed | trials |")
    terminalreporter.write_line("|---|---|---|---|")
    for name, found, claim, trials in rows:
        terminalreporter.write_line(f"| {name} | {found:.4f} | {claim:g} | {trials} |")
