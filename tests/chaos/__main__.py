"""`python -m tests.chaos --kills 50 --jobs 200 --seed 1`: prints one line of JSON, ends with 1 if need be."""

import argparse
import asyncio
import json
import logging
import shutil
import sys
import tempfile
from pathlib import Path

from tests.chaos.report import report, troubles
from tests.chaos.run import Plan, Run

STANDARD = Plan()


def main() -> int:
    """Run, tell, and clean up after a good end."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--kills", type=int, default=STANDARD.kills, help="SIGKILLs in all (%(default)s)")
    parser.add_argument(
        "--jobs", type=int, default=STANDARD.jobs, help="requests to be accepted (%(default)s)"
    )
    parser.add_argument("--seed", type=int, default=STANDARD.seed, help="of everything random (%(default)s)")
    parser.add_argument("--engine", choices=("fake", "starter"), default=STANDARD.engine)
    parser.add_argument(
        "--faults", type=float, default=STANDARD.fault_share, help="share of edits and posts (%(default)s)"
    )
    parser.add_argument(
        "--downtimes", type=float, default=STANDARD.downtimes, help="share of long ones (%(default)s)"
    )
    given = parser.parse_args()
    plan = Plan(
        kills=given.kills,
        jobs=given.jobs,
        seed=given.seed,
        engine=given.engine,
        fault_share=given.faults,
        downtimes=given.downtimes,
    )
    logging.basicConfig(level=logging.WARNING)
    folder = Path(tempfile.mkdtemp(prefix="atelier-chaos-"))
    run = Run(plan, folder)
    record = asyncio.run(run.go())
    print(json.dumps(report(plan, record)))  # noqa: T201 - a command
    wrong = troubles(record, run.log)
    if wrong:
        sys.stderr.write(f"{wrong}\nThe bot's log and its data are in {folder}\n")
        return 1
    shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
