"""All stages in order. Each keeps a checkpoint: stop at any time, and call this again to go on.

python -m training.train    # as the shipped starter was made: about two hours on two cores
"""

import argparse
import subprocess
import sys
from typing import Final

ROUNDS: Final = "12"
STAGES: Final = (
    ("prepare",),
    ("codec", "--steps", "1700"),
    ("words", "--steps", "450"),
    ("latents", "--rounds", ROUNDS),
    ("denoiser", "--steps", "8000", "--rounds", ROUNDS),
    ("export",),
    ("classifier", "--steps", "1500", "--rounds", ROUNDS),
    ("judge", "--rounds", ROUNDS),
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
