"""For whoever has to find out why something was lost: all that is known about it."""

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

from tests.chaos.counting import Verdict
from tests.loopback.script import Call
from tests.loopback.shapes import walk

LONGEST_LINE: Final = 300


def tell(verdict: Verdict, calls: Sequence[Call], log: Path) -> str:
    """A verdict with its job's row, its messages, the requests about it and the bot's own words."""
    ask, row = verdict.ask, verdict.row
    names = {name for name in (row and row.id, ask and ask.token, row and row.token) if name}
    names |= {str(message.id) for message in verdict.messages}
    if ask and ask.message_id:
        names.add(str(ask.message_id))
    lines = [
        f"--- {verdict.outcome.value}: {verdict.why}",
        f"asked: {ask}",
        f"row: {row and row.all}, pictures {sorted(row.pictures) if row else []}",
        *(f"message: {message}" for message in verdict.messages),
        *(_line(call) for call in calls if _is_about(call, names)),
        *_said(log, names),
    ]
    return "\n".join(line.replace("\n", " / ")[:LONGEST_LINE] for line in lines)


def _is_about(call: Call, names: set[str]) -> bool:
    return any(name in call.path for name in names) or any(name in _payload(call) for name in names)


def _line(call: Call) -> str:
    at = datetime.fromtimestamp(call.at).strftime("%H:%M:%S.%f")[:-3]  # noqa: DTZ006 - as the bot's log has it
    files = f" with {', '.join(file.name for file in call.files)}" if call.files else ""
    return f"call: {at} {call.method} {call.path}{files} -> {call.status} {_gist(call)}"


def _gist(call: Call) -> str:
    """What a request says: its words and the names of its buttons."""
    parts = (part for part in walk(call.payload))
    said = [str(part[key]) for part in parts for key in ("type", "content", "custom_id") if key in part]
    return " | ".join(word for word in said if len(word) > 2 or call.path.endswith("/callback"))


def _payload(call: Call) -> str:
    return json.dumps(call.payload)


def _said(log: Path, names: set[str]) -> Iterator[str]:
    for line in log.read_text("utf-8", "replace").splitlines():
        if any(name in line for name in names):
            yield f"log: {line}"
