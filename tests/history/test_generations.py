from dataclasses import replace

import pytest

from bot.core.errors import JobOverError, SourceGoneError, UnknownJobError
from bot.core.ids import GenerationId
from bot.core.jobs import Generation, JobStatus
from bot.history.database import Database
from tests.history.examples import ANNA, BERT, HALL, STUDIO, Stores, a_generation, a_hash, a_job

GONE = GenerationId("GONE0000")


async def test_completing_stores_all_pictures_in_their_order(stores: Stores) -> None:
    job = a_job()
    first, second = a_generation(job, index=0), a_generation(job, index=1, hidden=True)
    await stores.complete(job, second, first)
    assert await stores.history.of_job(job.id) == [first, second]


async def test_completing_marks_the_job_as_being_delivered(stores: Stores) -> None:
    job = a_job(status=JobStatus.RUNNING)
    await stores.jobs.add(job)
    await stores.history.complete(job.id, [a_generation(job)], 30.0)
    assert await stores.jobs.get(job.id) == replace(job, status=JobStatus.DELIVERING, finished_at=30.0)


@pytest.mark.parametrize("status", [JobStatus.QUEUED, *(s for s in JobStatus if s.is_over)])
async def test_only_a_running_job_completes(stores: Stores, status: JobStatus) -> None:
    job = a_job(status=status)
    await stores.jobs.add(job)
    with pytest.raises(JobOverError) as caught:
        await stores.history.complete(job.id, [a_generation(job)], 1.0)
    assert caught.value.status == status


async def test_a_completion_that_is_refused_stores_no_picture(stores: Stores) -> None:
    job = a_job(status=JobStatus.CANCELLED)
    await stores.jobs.add(job)
    with pytest.raises(JobOverError):
        await stores.history.complete(job.id, [a_generation(job)], 1.0)
    assert await stores.history.of_job(job.id) == []


async def test_an_unknown_job_does_not_complete(stores: Stores) -> None:
    job = a_job()
    with pytest.raises(UnknownJobError):
        await stores.history.complete(job.id, [a_generation(job)], 1.0)


async def test_a_picture_takes_over_the_card_that_was_posted_while_it_was_made(stores: Stores) -> None:
    job = a_job(status=JobStatus.RUNNING)
    await stores.jobs.add(job)
    await stores.jobs.set_message(job.id, STUDIO, 777)
    generation = a_generation(job)
    await stores.history.complete(job.id, [generation], 1.0)
    assert await stores.history.of_message(777) == [
        replace(generation, origin=replace(job.origin, message_id=777))
    ]


async def test_a_picture_that_is_not_there_is_an_error_that_names_it(stores: Stores) -> None:
    with pytest.raises(SourceGoneError) as caught:
        await stores.history.get(GONE)
    assert (caught.value.what, caught.value.name) == ("generation", GONE)


async def test_a_message_without_a_card_has_no_pictures(stores: Stores) -> None:
    await stores.keep(message=1)
    assert await stores.history.of_message(2) == []


async def test_the_pictures_on_a_card_come_in_their_order_with_hidden_ones(stores: Stores) -> None:
    job = a_job(message=5)
    first, second = a_generation(job, index=0, hidden=True), a_generation(job, index=1)
    await stores.complete(job, second, first)
    assert await stores.history.of_message(5) == [first, second]


async def test_a_page_is_newest_first(stores: Stores) -> None:
    middle, newest, oldest = [await stores.keep(created_at=at) for at in (2.0, 3.0, 1.0)]
    assert await stores.history.page(ANNA, limit=9) == [newest, middle, oldest]


async def test_pages_follow_each_other_without_gap_or_repetition(stores: Stores) -> None:
    # Two moments only: the cursor has to tell pictures of one moment apart.
    kept = [await stores.keep(created_at=float(i % 2)) for i in range(7)]
    seen: list[Generation] = []
    while page := await stores.history.page(
        ANNA, limit=2, before=(seen[-1].created_at, seen[-1].id) if seen else None
    ):
        seen += page
    assert seen == sorted(kept, key=lambda g: (g.created_at, g.id), reverse=True)


async def test_a_page_holds_its_users_pictures_only(stores: Stores) -> None:
    await stores.keep(user=BERT)
    assert await stores.history.page(ANNA, limit=9) == []


async def test_a_hidden_tile_is_on_no_page_until_it_is_revealed(stores: Stores) -> None:
    tile = await stores.keep(hidden=True)
    before = await stores.history.page(ANNA, limit=9)
    await stores.history.reveal(tile.id)
    assert (before, await stores.history.page(ANNA, limit=9)) == ([], [replace(tile, hidden=False)])


async def test_revealing_a_picture_that_is_not_there_is_an_error(stores: Stores) -> None:
    with pytest.raises(SourceGoneError):
        await stores.history.reveal(GONE)


@pytest.mark.parametrize(
    ("matching", "found"),
    [
        ("FOX", True),
        ("a fox", True),
        ("äpfel", True),  # SQLite alone knows the case of ASCII letters only
        ("STRASSE", True),
        ("100%", True),
        ("7k", True),
        ("7K3M9QXA", True),
        ("3M9", False),  # an id is found by its start
        ("wolf", False),
        ("f_x", False),
        ("1%0", False),
    ],
)
async def test_a_search_finds_a_part_of_the_prompt_or_the_start_of_the_id_in_any_case(
    stores: Stores, matching: str, found: bool
) -> None:
    await stores.keep(generation_id="7K3M9QXA", prompt="A Fox eats ÄPFEL in der Straße, 100% real")
    assert bool(await stores.history.page(ANNA, limit=9, matching=matching)) is found


async def test_a_search_fills_its_page_from_older_pictures(stores: Stores) -> None:
    for at in range(6):
        await stores.keep(prompt="a fox" if at % 2 else "a wolf", created_at=float(at))
    page = await stores.history.page(ANNA, limit=2, matching="fox")
    assert [generation.created_at for generation in page] == [5.0, 3.0]


async def test_the_latest_picture_is_the_users_own_in_that_channel_and_not_hidden(stores: Stores) -> None:
    await stores.keep(created_at=1.0)
    expected = await stores.keep(created_at=2.0)
    await stores.keep(created_at=3.0, user=BERT)
    await stores.keep(created_at=4.0, channel=HALL)
    await stores.keep(created_at=5.0, hidden=True)
    assert await stores.history.latest(ANNA, STUDIO) == expected


async def test_outside_of_discord_there_is_a_latest_picture_too(stores: Stores) -> None:
    expected = await stores.keep(channel=None)
    await stores.keep(created_at=9.0)
    assert await stores.history.latest(ANNA, None) == expected


async def test_who_has_no_picture_in_a_channel_has_no_latest_one(stores: Stores) -> None:
    assert await stores.history.latest(ANNA, STUDIO) is None


async def test_a_deleted_picture_is_gone(stores: Stores) -> None:
    generation = await stores.keep()
    await stores.history.delete([generation.id])
    with pytest.raises(SourceGoneError):
        await stores.history.get(generation.id)


async def test_the_last_picture_takes_its_job_along(stores: Stores) -> None:
    generation = await stores.keep()
    await stores.history.delete([generation.id])
    with pytest.raises(UnknownJobError):
        await stores.jobs.get(generation.job_id)


async def test_a_job_that_still_has_a_picture_stays(stores: Stores) -> None:
    job = a_job()
    first, second = a_generation(job), a_generation(job, index=1)
    await stores.complete(job, first, second)
    await stores.history.delete([first.id])
    assert await stores.history.of_job(job.id) == [second]


async def test_a_child_outlives_its_parent_and_still_names_it(stores: Stores) -> None:
    parent = await stores.keep()
    child = await stores.keep(parent=parent.id)
    await stores.history.delete([parent.id])
    assert await stores.history.get(child.id) == child


async def test_deleting_names_the_files_of_picture_and_source(stores: Stores) -> None:
    generation = await stores.keep(image="1", source=a_hash("2"))
    assert await stores.history.delete([generation.id]) == [a_hash("1"), a_hash("2")]


async def test_deleting_what_is_gone_names_no_file(stores: Stores) -> None:
    assert await stores.history.delete([GONE]) == []


async def test_a_file_that_another_picture_shares_is_kept(stores: Stores) -> None:
    first = await stores.keep(image="1")
    await stores.keep(image="1")
    assert await stores.history.delete([first.id]) == []


async def test_a_file_that_another_picture_starts_from_is_kept(stores: Stores) -> None:
    parent = await stores.keep(image="1")
    await stores.keep(image="2", source=a_hash("1"))
    assert await stores.history.delete([parent.id]) == []


@pytest.mark.parametrize("status", [JobStatus.QUEUED, JobStatus.RUNNING])
async def test_a_file_that_an_unfinished_job_waits_for_is_kept(stores: Stores, status: JobStatus) -> None:
    parent = await stores.keep(image="1")
    await stores.jobs.add(a_job(source=a_hash("1"), status=status))
    assert await stores.history.delete([parent.id]) == []


async def test_a_file_that_only_a_failed_job_names_is_not_kept(stores: Stores) -> None:
    parent = await stores.keep(image="1")
    await stores.jobs.add(a_job(source=a_hash("1"), status=JobStatus.FAILED))
    assert await stores.history.delete([parent.id]) == [a_hash("1")]


async def test_two_pictures_that_share_a_file_and_go_together_free_it(stores: Stores) -> None:
    first, second = await stores.keep(image="1"), await stores.keep(image="1")
    assert await stores.history.delete([first.id, second.id]) == [a_hash("1")]


async def test_the_parameters_can_be_queried_as_plain_columns(stores: Stores, database: Database) -> None:
    await stores.keep(prompt="a fox", source=a_hash("2"))
    row = await database.fetch_one(
        """
        SELECT model, revision, prompt, negative_prompt, width, height, num_inference_steps,
            guidance_scale, seed, scheduler, strength, source_sha256 FROM generations
        """
    )
    assert row is not None
    assert tuple(row) == ("tiny", None, "a fox", "", 64, 48, 4, 7.5, 7, None, 0.6, a_hash("2"))
