"""What a run comes to: one object for machines, and for people what was wrong."""

from pathlib import Path

from tests.chaos.counting import Outcome, count
from tests.chaos.run import Plan, Record
from tests.chaos.telling import tell


def report(plan: Plan, record: Record) -> dict[str, float]:
    """The figures."""
    delivered = {v.row.id for v in record.verdicts if v.row and v.outcome is Outcome.DELIVERED}
    return {
        **count(record.verdicts),
        "kills": record.kills,
        "integrity_failures": len(record.damage),
        "restarts": record.starts - 1,
        "troubles": len(record.troubles),
        "cancels_undone": len(delivered.intersection(record.cancelled)),
        "seed": plan.seed,
        "seconds": round(record.seconds, 1),
    }


def troubles(record: Record, log: Path) -> str:
    """Everything that must not be, with what is known about it; "" for a good run."""
    wrong = [verdict for verdict in record.verdicts if verdict.outcome.is_wrong]
    told = [tell(verdict, record.calls, log) for verdict in wrong]
    return "\n".join([*record.damage, *record.troubles, *told])
