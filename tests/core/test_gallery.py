import asyncio
from dataclasses import replace
from typing import Any

import pytest

from bot.core.errors import BadImageError, DeliveryError, DiskFullError, NotYoursError, SourceGoneError
from bot.core.gallery import PAGE_SIZE, PictureFile
from bot.core.ids import GenerationId, JobId
from bot.core.jobs import Generation, Picture
from bot.core.policy import Actor
from bot.core.requests import Kind, Source
from tests.core.examples import ANNA, BERT, SOURCE, STUDIO, a_generation, a_job, a_recipe
from tests.core.house import House
from tests.core.stores import Gate, plain_file

RED = plain_file(Picture(2, 1, b"\xff\x00\x00" * 2))
JUMP = "https://discord.com/channels/9/501/1"


@pytest.fixture
def house() -> House:
    """The gallery needs no service at work."""
    return House()


async def keep(house: House, data: bytes = RED, **changes: Any) -> Generation:
    """A picture in history, with its file."""
    generation = a_generation(image_sha256=await house.images.put(data), **changes)
    house.history.rows[generation.id] = generation
    return generation


async def test_a_picture_is_taken_in_clean_and_stored(house: House) -> None:
    source = await house.gallery.take_in(RED, jump_url=JUMP)

    assert house.images.files[source.sha256] == RED
    assert source == Source(sha256=source.sha256, width=2, height=1, prompt="a fox", jump_url=JUMP)


async def test_bytes_that_are_no_picture_are_not_stored(house: House) -> None:
    with pytest.raises(BadImageError):
        await house.gallery.take_in(b"MZ")

    assert house.images.files == {}


async def test_a_picture_that_cannot_be_stored_is_not_taken(house: House) -> None:
    house.images.faults["put"] = DiskFullError("data")

    with pytest.raises(DiskFullError):
        await house.gallery.take_in(RED)


def test_a_picture_from_history_is_the_next_ones_source_and_parent(house: House) -> None:
    generation = a_generation(recipe=a_recipe(width=96, height=64))

    assert house.gallery.source_of(generation, jump_url=JUMP) == Source(
        sha256=generation.image_sha256,
        width=96,
        height=64,
        prompt="a fox",
        parent_id=generation.id,
        jump_url=JUMP,
    )


async def test_jobs_and_pictures_are_found_by_their_ids(house: House) -> None:
    generation, job = await keep(house), a_job()
    await house.jobs.add(job)

    assert await house.gallery.get(generation.id) == generation
    assert await house.gallery.job(job.id) == job
    with pytest.raises(SourceGoneError):
        await house.gallery.get(GenerationId("00000000"))


async def test_a_card_has_its_jobs_pictures(house: House) -> None:
    job_id = JobId("7K3QW9ZD")
    pictures = [await keep(house, job_id=job_id, index=index) for index in (0, 1)]
    await keep(house)

    assert await house.gallery.on_card(job_id) == pictures
    assert await house.gallery.on_card(job_id, 0) == pictures[:1]
    assert await house.gallery.on_card(job_id, 1) == pictures[1:]


@pytest.mark.parametrize("index", [None, 2])
async def test_a_card_without_pictures_says_that_they_are_gone(house: House, index: int | None) -> None:
    job_id = JobId("7K3QW9ZD")
    if index is not None:
        await keep(house, job_id=job_id)

    with pytest.raises(SourceGoneError) as caught:
        await house.gallery.on_card(job_id, index)

    assert caught.value.what == "picture"


async def test_pictures_are_found_by_their_message(house: House) -> None:
    generation = await keep(house)
    posted = replace(generation, origin=replace(generation.origin, message_id=77))
    house.history.rows[generation.id] = posted

    assert await house.gallery.on_message(77) == [posted]
    assert await house.gallery.on_message(78) == []


async def test_history_comes_in_pages_newest_first_until_the_last(house: House) -> None:
    made = [await keep(house, created_at=float(day)) for day in range(PAGE_SIZE + 2)]
    await keep(house, user=BERT)

    page = await house.gallery.page(ANNA)
    assert list(page.generations) == made[:1:-1]
    assert page.older == (2.0, made[2].id)

    last = await house.gallery.page(ANNA, page.older)
    assert list(last.generations) == made[1::-1]
    assert last.older is None


async def test_a_page_that_is_just_full_is_the_last(house: House) -> None:
    for _ in range(PAGE_SIZE):
        await keep(house)

    assert (await house.gallery.page(ANNA)).older is None


async def test_history_is_searched_by_prompt(house: House) -> None:
    apple = await keep(house, recipe=a_recipe(prompt="a red apple"))
    await keep(house)

    assert (await house.gallery.page(ANNA, matching="APPLE")).generations == (apple,)


async def test_the_latest_picture_is_the_users_own_in_that_channel(house: House) -> None:
    await keep(house, created_at=1)
    newest = await keep(house, created_at=2)
    await keep(house, user=BERT, created_at=3)
    await keep(house, private=True, created_at=4)

    assert await house.gallery.latest(ANNA, STUDIO) == newest
    assert await house.gallery.latest(ANNA, None) is None


async def test_a_file_within_the_limit_is_the_png_itself(house: House) -> None:
    generation = await keep(house)

    file = await house.gallery.file(generation, len(RED))

    assert file == PictureFile(f"{generation.id}.png", RED, "PNG")


async def test_a_file_over_the_limit_is_a_smaller_webp(house: House) -> None:
    generation = await keep(house)

    file = await house.gallery.file(generation, len(RED) - 1)

    assert file == PictureFile(f"{generation.id}.webp", RED[:-1], "WEBP")


async def test_a_file_that_never_fits_is_not_handed_out(house: House) -> None:
    with pytest.raises(DeliveryError):
        await house.gallery.file(await keep(house), 0)


async def test_a_file_that_is_gone_is_said_to_be_gone(house: House) -> None:
    with pytest.raises(SourceGoneError):
        await house.gallery.file(a_generation(), 1000)


async def test_a_thumbnail_is_made_of_the_stored_file(house: House) -> None:
    sha256 = await house.images.put(RED)

    assert await house.gallery.thumbnail(sha256) == b"small 256 2x1"


async def a_ladder(house: House) -> tuple[list[Generation], Source]:
    """The tiles of a ladder, and its source."""
    recipe = a_recipe(width=4, height=2)
    tiles = [
        await keep(house, recipe=replace(recipe, strength=0.1), steps_run=1, hidden=True),
        await keep(house, recipe=replace(recipe, strength=0.75), steps_run=9, hidden=True),
    ]
    return tiles, replace(SOURCE, sha256=await house.images.put(RED))


async def test_a_sheet_has_the_source_and_each_tile_with_its_strength_and_steps(house: House) -> None:
    tiles, source = await a_ladder(house)
    job = a_job(source=source, kind=Kind.LADDER)

    sheet = await house.gallery.sheet(job, tiles, len(b"a sheet of 3"))

    assert sheet == PictureFile(f"ladder-{job.id}.png", b"a sheet of 3", "PNG")
    assert [tile.label for tile in house.codec.tiles] == ["original", "0.1 · 1 step", "0.75 · 9 steps"]
    assert [(t.picture.width, t.picture.height) for t in house.codec.tiles] == [(4, 2), (2, 1), (2, 1)]


async def test_a_sheet_over_the_limit_is_a_smaller_webp(house: House) -> None:
    tiles, source = await a_ladder(house)
    job = a_job(source=source, kind=Kind.LADDER)

    assert await house.gallery.sheet(job, tiles, 7) == PictureFile(
        f"ladder-{job.id}.webp", b"a sheet", "WEBP"
    )


async def test_a_sheet_needs_its_source(house: House) -> None:
    tiles, _ = await a_ladder(house)

    for job in (a_job(), a_job(source=SOURCE)):
        with pytest.raises(SourceGoneError) as caught:
            await house.gallery.sheet(job, tiles, 1000)
        assert caught.value.what == "picture"


async def test_a_picked_tile_is_in_its_owners_history(house: House) -> None:
    [tile, _], _ = await a_ladder(house)

    with pytest.raises(NotYoursError):
        await house.gallery.pick(tile, Actor(BERT, moderator=True))
    assert (await house.gallery.page(ANNA)).generations == ()

    await house.gallery.pick(tile, Actor(ANNA))
    assert [g.id for g in (await house.gallery.page(ANNA)).generations] == [tile.id]


async def test_delete_removes_rows_and_the_files_that_nothing_else_uses(house: House) -> None:
    blue = plain_file(Picture(1, 1, b"\x00\x00\xff"))
    first, second, other = await keep(house), await keep(house, blue), await keep(house, user=BERT)

    await house.gallery.delete([first, second], Actor(ANNA))

    assert list(house.history.rows) == [other.id]
    assert list(house.images.files.values()) == [RED]


async def test_a_moderator_deletes_what_is_anothers(house: House) -> None:
    await house.gallery.delete([await keep(house)], Actor(BERT, moderator=True))

    assert house.history.rows == {}


async def test_nothing_is_deleted_where_one_picture_is_anothers(house: House) -> None:
    mine, anothers = await keep(house), await keep(house, user=BERT)

    with pytest.raises(NotYoursError):
        await house.gallery.delete([mine, anothers], Actor(ANNA))

    assert set(house.history.rows) == {mine.id, anothers.id}
    assert house.images.files


async def test_a_file_is_not_deleted_while_another_pictures_row_is_on_its_way(house: House) -> None:
    first = await keep(house)
    gate = house.images.gates["discard"] = Gate()

    deleting = asyncio.create_task(house.gallery.delete([first], Actor(ANNA)))
    await gate.reached.wait()
    assert house.images.keeping.locked()
    gate.open()
    await deleting

    assert not house.images.keeping.locked()
    assert house.images.files == {}


async def test_a_picture_from_history_says_what_was_written_and_what_its_model_was_given(
    house: House,
) -> None:
    made = await keep(house, recipe=a_recipe(prompt="make it neon", model_prompt="a neon cat"))

    source = house.gallery.source_of(made)

    assert (source.prompt, source.given_prompt) == ("make it neon", "a neon cat")
