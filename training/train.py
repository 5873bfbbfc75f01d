"""All stages in order. Each keeps a checkpoint: stop at any time, and call this again to go on.

python -m training.train    # as the shipped starter was made: about two hours on two cores
"""

import argparse
import subprocess
import sys
from typing import Final

ROUNDS: Final = ("--rounds", "7")
"""Of training pictures; the last two are the judge's test, and the denoiser never sees them."""
STAGES: Final = (
    ("prepare",),
    ("codec", "--steps", "1700"),
    ("words", "--steps", "450"),
    ("latents", *ROUNDS),
    ("denoiser", "--steps", "6000", "--rounds", "5"),
    ("export",),
    ("classifier", "--steps", "1900", *ROUNDS),
    ("judge", *ROUNDS),
)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.parse_args()
    for stage, *options in STAGES:
        print(f"== {stage} {' '.join(options)}", flush=True)
        subprocess.run([sys.executable, "-m", f"training.{stage}", *options], check=True)


if __name__ == "__main__":
    main()
