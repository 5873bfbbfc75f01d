"""A process to kill: `python -m tests.history.writer DATABASE` stores pictures without end.

It writes the id of each picture after its row is committed.
"""

import asyncio
import sys
from pathlib import Path

from bot.history.database import open_database
from bot.history.generations import SqliteHistory
from bot.history.jobs import SqliteJobs
from tests.history.examples import Stores


async def main(path: Path) -> None:
    async with open_database(path) as database:
        stores = Stores(SqliteJobs(database), SqliteHistory(database))
        while True:
            generation = await stores.keep(prompt="a fox " * 100)
            sys.stdout.write(f"{generation.id}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
