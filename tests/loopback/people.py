"""Who is there, by id."""

from tests.loopback import shapes
from tests.loopback.shapes import Json


class People:
    """Whoever acts becomes known by name; everybody else is there too, under a made-up one."""

    def __init__(self) -> None:
        self._known = {
            shapes.USER_ID: shapes.user(shapes.USER_ID, shapes.USER_NAME),
            shapes.APPLICATION_ID: shapes.bot_user(),
        }

    def user(self, user_id: int, name: str | None = None) -> Json:
        """The user; with a name, known by it from now on."""
        if name is not None or user_id not in self._known:
            self._known[user_id] = shapes.user(user_id, name or f"user{user_id}")
        return self._known[user_id]
