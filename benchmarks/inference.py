"""Inference against named peers: randomisation tests, the bootstrap, Cox regression, competing risks.

    python benchmarks/inference.py [--quick]

Each part can be run by itself. R is a peer of the last two where Rscript is installed.
"""

from __future__ import annotations

import sys

import inference_bootstrap
import inference_competing_risks
import inference_cox
import inference_randomization

PARTS = (inference_randomization, inference_bootstrap, inference_cox, inference_competing_risks)


def main(arguments: list[str]) -> int:
    """Print every part's table; 1 where a target is missed."""
    return max([part.main(arguments) for part in PARTS])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
