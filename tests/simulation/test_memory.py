"""Ten thousand jobs later, nothing is left of them."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.simulation.memory import JOBS, STATM

ROOT = Path(__file__).parents[2]


@pytest.mark.skipif(not STATM.exists(), reason="only Linux tells so easily how much memory is resident")
def test_after_ten_thousand_jobs_nothing_is_kept_of_them() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.simulation.memory"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )

    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["made"] >= JOBS - 2
    assert set(report["left"].values()) == {0}, report["left"]
    ratio = report["last"] / report["first"]
    assert ratio == pytest.approx(1, abs=0.1), f"resident memory is {ratio:.3f} times what it was"
