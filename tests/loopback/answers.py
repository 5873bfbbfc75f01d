"""What the loopback Discord may answer instead of doing as it is told."""

from dataclasses import dataclass, field
from typing import Final

from tests.loopback.shapes import Json


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer. `status` 0 drops the connection once the request has been read."""

    status: int
    body: Json | str = ""
    headers: dict[str, str] = field(default_factory=dict)
    carried_out: bool = False
    """Whether the request is done all the same; the one who sent it never learns that it was."""


class RefusedError(Exception):
    """A request that cannot be done; `answer` says why."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.body)
        self.answer = answer


OK: Final = None
"""No scripted answer: do as told."""
DROPPED: Final = Answer(0)
ACCEPTED_THEN_DROPPED: Final = Answer(0, carried_out=True)
TOO_LARGE: Final = Answer(413, {"message": "Request entity too large", "code": 40005})
TOKEN_OVER: Final = Answer(401, {"message": "Invalid Webhook Token", "code": 50027})
TOKEN_UNKNOWN: Final = Answer(404, {"message": "Unknown Webhook", "code": 10015})
MESSAGE_UNKNOWN: Final = Answer(404, {"message": "Unknown Message", "code": 10008})
CHANNEL_UNKNOWN: Final = Answer(404, {"message": "Unknown Channel", "code": 10003})
INTERACTION_UNKNOWN: Final = Answer(404, {"message": "Unknown interaction", "code": 10062})
MISSING_ACCESS: Final = Answer(403, {"message": "Missing Access", "code": 50001})
MISSING_PERMISSIONS: Final = Answer(403, {"message": "Missing Permissions", "code": 50013})
DIRECT_MESSAGES_CLOSED: Final = Answer(403, {"message": "Cannot send messages to this user", "code": 50007})
ARCHIVED: Final = Answer(400, {"message": "Thread is archived", "code": 50083})
UNAUTHORIZED: Final = Answer(401, {"message": "401: Unauthorized", "code": 0})
ALREADY_ANSWERED: Final = Answer(
    400, {"message": "Interaction has already been acknowledged.", "code": 40060}
)
BAD_FORM: Final = Answer(400, {"message": "Invalid Form Body", "code": 50035})


def failed(status: int) -> Answer:
    """A fault of Discord's own, or of what stands before it: no JSON, as from a proxy."""
    return Answer(status, f"upstream error {status}")


def rate_limited(retry_after: float, *, globally: bool = False) -> Answer:
    """429 from Discord itself (Cloudflare's bans come without `Via`); `retry_after` in seconds."""
    body = {"message": "You are being rate limited.", "retry_after": retry_after, "global": globally}
    headers = {
        "Via": "1.1 google",
        "Retry-After": str(retry_after),
        "X-RateLimit-Scope": "global" if globally else "user",
    }
    if globally:
        return Answer(429, body, {**headers, "X-RateLimit-Global": "true"})
    bucket = {"X-RateLimit-Limit": "5", "X-RateLimit-Remaining": "0", "X-RateLimit-Bucket": "a1b2c3"}
    reset = {"X-RateLimit-Reset": "1893456000", "X-RateLimit-Reset-After": str(retry_after)}
    return Answer(429, body, {**headers, **bucket, **reset})
