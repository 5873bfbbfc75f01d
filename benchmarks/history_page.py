"""How long a page of one user's history takes in a large database.

    python -m benchmarks.history_page --rows 1000000 --json

Rows are spread over 100 users, four pictures to a job, as `/imagine count:4` makes them. The times are
wall clock milliseconds of whole calls (median of `--repeats`), as a cog would wait for them:

- `page_ms_p50`: the newest 10 pictures; `next_page_ms_p50`: 10 from the middle of the history;
- `latest_ms_p50`: where a bare `/remix` starts;
- `search_ms_p50`: a search that finds nothing, so that it reads all of that user's pictures;
- `complete_ms_p50`: storing one finished job of four pictures, synced to the disk.
"""

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

from bot.core.ids import JobId, new_generation_id, new_job_id
from bot.core.jobs import Generation, Job, JobStatus, Origin
from bot.core.recipe import Recipe
from bot.core.requests import Kind
from bot.history.database import Database, open_database
from bot.history.generations import SqliteHistory
from bot.history.jobs import SqliteJobs

USERS: Final = 100
CHANNELS: Final = 10
PICTURES: Final = 4
PAGE: Final = 10
USER: Final = 7

RECIPE: Final = Recipe(
    model="sd15",
    revision=None,
    prompt="a lighthouse in a storm, oil on canvas, wide brush strokes",
    negative_prompt="blurry",
    width=512,
    height=512,
    num_inference_steps=25,
    guidance_scale=7.5,
    seed=7,
    scheduler="PNDMScheduler",
)
_JOBS: Final = """
WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < :jobs)
INSERT INTO jobs (
    id, kind, user_id, user_name, channel_id, message_id, private, recipes, status, created_at
) SELECT
    printf('J%07d', i), 'imagine', i % :users, 'Anna', i / :users % :channels, i, 0,
    json_array(json(:recipe)), 'done', i
FROM n
"""
_GENERATIONS: Final = """
WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < :pictures)
INSERT INTO generations (
    id, job_id, idx, kind, user_id, channel_id, message_id, private, image_sha256, steps_run, seconds,
    versions, prompt_cut, hidden, created_at, recipe
) SELECT
    printf('%d%07d', n.i, j.message_id), j.id, n.i, j.kind, j.user_id, j.channel_id, j.message_id,
    j.private, printf('%064x', j.message_id * :pictures + n.i), 25, 1.5,
    '{"torch":"2.6","device":"cpu","dtype":"float32"}', '', 0, j.created_at, :recipe
FROM jobs AS j CROSS JOIN n
"""


async def fill(database: Database, rows: int) -> None:
    """Store `rows` pictures (a multiple of 4), straight in SQL: the stores sync every job."""
    recipe = RECIPE.to_json()
    async with database.transaction() as connection:
        await connection.execute(
            _JOBS, {"jobs": rows // PICTURES, "users": USERS, "channels": CHANNELS, "recipe": recipe}
        )
        await connection.execute(_GENERATIONS, {"pictures": PICTURES, "recipe": recipe})


async def measure(rows: int, repeats: int, folder: Path) -> dict[str, float]:
    """Fill a database in `folder`, and time what Atelier asks it."""
    path = folder / "atelier.sqlite3"
    async with open_database(path) as database:
        history, jobs = SqliteHistory(database), SqliteJobs(database)
        began = time.perf_counter()
        await fill(database, rows)
        filled = time.perf_counter() - began
        middle = (rows / PICTURES / 2, new_generation_id())

        async def complete() -> None:
            job = Job(
                id=new_job_id(),
                kind=Kind.IMAGINE,
                origin=Origin(user_id=USER),
                recipes=(RECIPE,) * PICTURES,
                status=JobStatus.RUNNING,
            )
            await jobs.add(job)
            await history.complete(job.id, [_picture(job.id, job.origin, i) for i in range(PICTURES)], 0.0)

        return {
            "rows": rows,
            "rows_of_user": rows // USERS,
            "fill_s": round(filled, 1),
            "page_ms_p50": await _median_ms(lambda: history.page(USER, limit=PAGE), repeats),
            "next_page_ms_p50": await _median_ms(
                lambda: history.page(USER, limit=PAGE, before=middle), repeats
            ),
            "latest_ms_p50": await _median_ms(lambda: history.latest(USER, 0), repeats),
            "search_ms_p50": await _median_ms(
                lambda: history.page(USER, limit=PAGE, matching="zeppelin"), min(repeats, 20)
            ),
            "complete_ms_p50": await _median_ms(complete, min(repeats, 50)),
            "database_mb": round(path.stat().st_size / 1e6, 1),
        }


def _picture(job_id: JobId, origin: Origin, index: int) -> Generation:
    return Generation(
        id=new_generation_id(),
        job_id=job_id,
        index=index,
        kind=Kind.IMAGINE,
        origin=origin,
        recipe=replace(RECIPE, seed=RECIPE.seed + index),
        image_sha256=f"{index:064x}",
    )


async def _median_ms(call: Callable[[], Awaitable[object]], repeats: int) -> float:
    times: list[float] = []
    for _ in range(repeats):
        began = time.perf_counter()
        await call()
        times.append(time.perf_counter() - began)
    return round(statistics.median(times) * 1000, 3)


def main() -> None:
    parser = argparse.ArgumentParser(description="Time a page of history in a large database.")
    parser.add_argument(
        "--rows", type=int, default=100_000, help="pictures in the database (default 100,000)"
    )
    parser.add_argument("--repeats", type=int, default=200, help="calls per figure (default 200)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    if options.rows < USERS * PICTURES:
        sys.exit(f"--rows must be at least {USERS * PICTURES}")
    with tempfile.TemporaryDirectory() as folder:
        figures = asyncio.run(measure(options.rows, options.repeats, Path(folder)))
    if options.json:
        print(json.dumps(figures))
    else:
        for name, value in figures.items():
            print(f"{name:>18}  {value:>12,}")


if __name__ == "__main__":
    main()
