"""What a job is, and what comes of it."""

import secrets
from dataclasses import replace

import pytest

from bot.core.catalog import Capabilities
from bot.core.errors import UnsupportedError
from bot.core.feed import Feed
from bot.core.ids import looks_like_id
from bot.core.jobs import Event, Finished, JobStatus, Picture, Progress, Queued
from bot.core.requests import ImagineRequest, LadderRequest, RemixRequest
from tests.core.examples import ANNA
from tests.core.house import House, a_source, finished, let_all_run, now, running
from tests.core.stores import Gate


async def test_what_is_accepted_is_in_the_database_and_in_the_queue(closed_house: House) -> None:
    ticket = await closed_house.submit("a fox")

    row = closed_house.row(ticket)
    assert row == ticket.job
    assert (row.status, row.recipe.prompt, row.origin.user_id) == (JobStatus.QUEUED, "a fox", ANNA)
    assert row.created_at > 0
    assert await now(ticket) == Queued(1)


async def test_a_job_waits_then_runs_step_by_step_then_is_finished(closed_house: House) -> None:
    ticket = await closed_house.submit()
    seen: list[Event] = []
    async for event in ticket.events():
        seen.append(event)
        if len(seen) == 1:
            await closed_house.service.start(recover=False)

    assert seen[0] == Queued(1)
    told = [event for event in seen if isinstance(event, Progress)]
    assert [(event.step, event.steps, event.denoised) for event in told if event.previews] == [
        (step, 12, step == 12) for step in range(1, 13)
    ]
    assert [event.seconds for event in told] == sorted({event.seconds for event in told})
    assert isinstance(seen[-1], Finished)


async def test_files_and_rows_are_stored_before_anyone_is_told(house: House) -> None:
    gate = house.history.gates["complete"] = Gate()
    ticket = await house.submit()
    await gate.reached.wait()

    assert isinstance(await now(ticket), Progress)
    assert house.images.files

    gate.open()
    [generation] = await finished(ticket)
    assert house.history.rows == {generation.id: generation}
    assert house.row(ticket).status is JobStatus.DELIVERING
    assert house.log == ["add", "start", "put", "complete"]


async def test_a_picture_keeps_all_that_is_known_of_it(house: House) -> None:
    house.engine.prompt_cut = "in a red coat"
    ticket = await house.submit(ImagineRequest(prompt="a fox", seed=5))

    [generation] = await finished(ticket)

    assert generation.job_id == ticket.job.id
    assert generation.origin == ticket.job.origin
    assert generation.kind is ticket.job.kind
    assert generation.recipe == replace(ticket.job.recipe, scheduler="DDIMScheduler")
    assert (generation.steps_run, generation.seconds) == (12, 0.5)
    assert generation.versions == {"fake": "1"}
    assert generation.prompt_cut == "in a red coat"
    assert (generation.hidden, generation.shrunk_from, generation.parent_id) == (False, None, None)
    assert looks_like_id(generation.id)
    row = house.row(ticket)
    assert row.started_at is not None
    assert row.created_at < row.started_at < generation.created_at
    assert row.finished_at == generation.created_at
    assert house.codec.decode(house.images.files[generation.image_sha256]).width == 128


async def test_several_pictures_have_seeds_in_a_row_and_equal_their_own_single_runs(house: House) -> None:
    several = await finished(await house.submit(ImagineRequest(prompt="a fox", seed=5, count=3)))
    [single] = await finished(await house.submit(ImagineRequest(prompt="a fox", seed=7)))

    assert [(g.index, g.recipe.seed) for g in several] == [(0, 5), (1, 6), (2, 7)]
    assert len({g.id for g in several}) == 3
    assert len({g.image_sha256 for g in several}) == 3
    assert several[2].image_sha256 == single.image_sha256


async def test_progress_is_of_all_pictures_together(house: House) -> None:
    ticket = await house.submit(ImagineRequest(prompt="a fox", count=2, num_inference_steps=1))

    progress = [event async for event in ticket.events() if isinstance(event, Progress)]

    last = progress[-1]
    assert (last.step, last.steps, last.denoised, last.count) == (2, 2, 2, 2)
    assert len(last.previews) == 2


async def test_previews_are_not_asked_for_where_they_are_off() -> None:
    house = House(previews=False)
    await house.service.start(recover=False)
    ticket = await house.submit()

    progress = [event async for event in ticket.events() if isinstance(event, Progress)]

    assert all(event.previews == () for event in progress)


async def test_a_seed_is_drawn_from_all_that_there_are(
    closed_house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(secrets, "randbelow", lambda bound: bound - 1)

    ticket = await closed_house.submit(ImagineRequest(prompt="a fox", count=2))

    assert [recipe.seed for recipe in ticket.job.recipes] == [2**32 - 1, 0]


async def test_a_remix_starts_from_its_source_fitted_to_size(house: House) -> None:
    source = await a_source(house)
    parent = replace(source, parent_id=(await finished(await house.submit()))[0].id)

    [generation] = await finished(await house.submit(RemixRequest(prompt="", source=parent, strength=0.5)))

    assert house.engine.sources == [None, Picture(128, 128, b"\xff\x00\x00" * 128 * 128)]
    assert generation.parent_id == parent.parent_id
    assert generation.recipe.source_sha256 == source.sha256
    assert generation.steps_run == 6


async def test_a_ladders_tiles_are_hidden_from_history(house: House) -> None:
    source = await a_source(house)

    tiles = await finished(await house.submit(LadderRequest(prompt="", source=source, strengths=(0.9, 0.2))))

    assert [(g.recipe.strength, g.hidden) for g in tiles] == [(0.9, True), (0.2, True)]
    assert len({g.recipe.seed for g in tiles}) == 1


async def test_a_picture_that_memory_made_smaller_says_what_was_asked_for(house: House) -> None:
    house.engine.shrink_to = (128, 64)

    [generation] = await finished(await house.submit())

    assert generation.shrunk_from == (128, 128)
    assert (generation.recipe.width, generation.recipe.height) == (128, 64)


async def test_a_loaded_model_has_shown_what_it_can_do(house: House) -> None:
    house.engine.capabilities = Capabilities(negative_prompt=False)

    await house.service.warm_up()

    assert house.engine.loaded == ["tiny"]
    assert house.service.catalog.get().capabilities == Capabilities(negative_prompt=False)
    assert house.service.catalog.get("plain").capabilities is None
    with pytest.raises(UnsupportedError):
        await house.submit(ImagineRequest(prompt="a fox", negative_prompt="blurry"))


async def test_a_model_that_a_job_loads_has_shown_it_too(house: House) -> None:
    await finished(await house.submit(ImagineRequest(prompt="a fox", model="plain")))

    assert house.engine.loaded == ["Plain"]
    assert house.service.catalog.get("plain").capabilities == Capabilities()


async def test_a_job_that_comes_after_a_rest_is_made_too(house: House) -> None:
    await finished(await house.submit())
    await let_all_run()

    await finished(await house.submit())


async def test_a_card_that_is_placed_meanwhile_is_the_pictures_card(house: House) -> None:
    ticket = await running(house)
    await house.service.placed(ticket.job.id, 601, 77)
    house.engine.release()

    [generation] = await finished(ticket)

    assert (generation.origin.channel_id, generation.origin.message_id) == (601, 77)
    assert house.row(ticket).origin == generation.origin


async def test_a_card_that_is_placed_late_is_still_remembered(house: House) -> None:
    ticket = await house.submit()
    await finished(ticket)

    await house.service.placed(ticket.job.id, 601, 77)

    assert house.row(ticket).origin.message_id == 77


async def test_jobs_tell_their_events_through_the_feeds_they_are_given(closed_house: House) -> None:
    made: list[Feed] = []

    def new_feed() -> Feed:
        made.append(Feed())
        return made[-1]

    closed_house.service._new_feed = new_feed
    await closed_house.submit()

    [feed] = made
    assert await anext(feed.events()) == Queued(1)
