"""A short run of what `make chaos` does at length."""

from pathlib import Path

from tests.chaos.report import report, troubles
from tests.chaos.run import Plan, Run

SHORT = Plan(kills=5, jobs=25, seed=7)


async def test_nothing_is_lost_or_doubled_when_the_bot_is_killed(tmp_path: Path) -> None:
    run = Run(SHORT, tmp_path)

    record = await run.go()

    assert troubles(record, run.log) == ""
    found = report(SHORT, record)
    assert found["kills"] == SHORT.kills
    assert found["accepted"] >= SHORT.jobs
    assert found["delivered"] > found["accepted"] // 2
