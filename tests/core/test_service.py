import asyncio
import logging
import secrets
from dataclasses import astuple, replace

import pytest

from bot.core.catalog import Capabilities
from bot.core.errors import (
    AtelierError,
    DatabaseBusyError,
    DeviceMemoryError,
    DiskFullError,
    GenerationError,
    JobOverError,
    NotYoursError,
    OptionError,
    QueueFullError,
    RestartedError,
    SourceGoneError,
    StoppingError,
    TooManyWaitingError,
    UnknownJobError,
    UnknownModelError,
    UnsupportedError,
)
from bot.core.feed import Feed, Ticket
from bot.core.ids import JobId
from bot.core.jobs import (
    Cancelled,
    Event,
    Failed,
    Finished,
    Generation,
    JobStatus,
    Picture,
    Progress,
    Queued,
)
from bot.core.policy import Actor
from bot.core.requests import ImagineRequest, LadderRequest, RemixRequest, Source
from tests.core.conftest import House
from tests.core.examples import ANNA, BERT, CARL, SOURCE, a_job
from tests.core.stores import Gate, plain_file

OWNER = Actor(ANNA)


async def finished(ticket: Ticket) -> tuple[Generation, ...]:
    """The pictures of a job that ends well."""
    outcome = await ticket.outcome()
    assert isinstance(outcome, Finished), outcome
    return outcome.generations


async def failure(ticket: Ticket) -> AtelierError:
    """The error of a job that fails."""
    outcome = await ticket.outcome()
    assert isinstance(outcome, Failed), outcome
    return outcome.error


async def now(ticket: Ticket) -> Event:
    """What somebody who looks at the job now is told first."""
    return await anext(ticket.events())


async def running(house: House) -> Ticket:
    """A job that is held before its first step."""
    house.engine.hold()
    ticket = await house.submit("the running one")
    await house.engine.begun.get()
    return ticket


async def a_source(house: House) -> Source:
    """A red picture, stored."""
    data = plain_file(Picture(64, 64, b"\xff\x00\x00" * 64 * 64))
    return replace(SOURCE, sha256=await house.images.put(data))


# What a job is and does


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
    assert seen[1:-1] == [Progress(0, 1, step, 12) for step in range(1, 13)]
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
    assert house.row(ticket).status is JobStatus.DONE
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
    assert generation.created_at == house.row(ticket).finished_at
    assert house.codec.decode(house.images.files[generation.image_sha256]).width == 128


async def test_several_pictures_have_seeds_in_a_row_and_equal_their_own_single_runs(house: House) -> None:
    several = await finished(await house.submit(ImagineRequest(prompt="a fox", seed=5, count=3)))
    [single] = await finished(await house.submit(ImagineRequest(prompt="a fox", seed=7)))

    assert [(g.index, g.recipe.seed) for g in several] == [(0, 5), (1, 6), (2, 7)]
    assert len({g.image_sha256 for g in several}) == 3
    assert several[2].image_sha256 == single.image_sha256


async def test_progress_says_which_of_several_pictures_it_is_of(house: House) -> None:
    ticket = await house.submit(ImagineRequest(prompt="a fox", count=2, num_inference_steps=1))

    progress = [event async for event in ticket.events() if isinstance(event, Progress)]

    assert progress == [Progress(0, 2, 1, 1), Progress(1, 2, 1, 1)]


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

    assert house.service.catalog.get().capabilities == Capabilities(negative_prompt=False)
    assert house.service.catalog.get("plain").capabilities is None
    with pytest.raises(UnsupportedError):
        await house.submit(ImagineRequest(prompt="a fox", negative_prompt="blurry"))


async def test_a_model_that_a_job_loads_has_shown_it_too(house: House) -> None:
    await finished(await house.submit(ImagineRequest(prompt="a fox", model="plain")))

    assert house.service.catalog.get("plain").capabilities == Capabilities()


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


# Turns and limits


async def test_users_take_turns(house: House) -> None:
    tickets = [await running(house)]
    for prompt, user in (("a2", ANNA), ("a3", ANNA), ("b1", BERT), ("a4", ANNA), ("c1", CARL)):
        tickets.append(await house.submit(prompt, user=user))
    house.engine.release()
    for ticket in tickets:
        await finished(ticket)

    prompts = [recipe.prompt for recipe in house.engine.recipes]
    assert prompts == ["the running one", "a2", "b1", "c1", "a3", "a4"]


async def test_everyone_is_told_their_place_and_each_change_of_it(house: House) -> None:
    await running(house)
    second, third = await house.submit("a2"), await house.submit("a3")
    newcomer = await house.submit("b1", user=BERT)

    assert [await now(ticket) for ticket in (second, newcomer, third)] == [Queued(1), Queued(2), Queued(3)]

    await house.service.cancel(second.job.id, OWNER)
    assert [await now(ticket) for ticket in (newcomer, third)] == [Queued(2), Queued(1)]


async def test_those_behind_move_up_when_a_job_begins(house: House) -> None:
    ticket = await running(house)
    second, third = await house.submit("a2"), await house.submit("a3")
    assert await now(third) == Queued(2)

    await house.service.cancel(ticket.job.id, OWNER)
    await house.engine.begun.get()

    assert await now(third) == Queued(1)
    assert house.row(second).status is JobStatus.RUNNING


async def test_waiting_time_is_told_once_it_rests_on_something(house: House) -> None:
    await finished(await house.submit())
    await house.engine.begun.get()
    await running(house)

    ticket = await house.submit(ImagineRequest(prompt="a fox", count=2))
    behind = await house.submit()
    unknown = await house.submit(ImagineRequest(prompt="a fox", model="plain"))

    assert astuple(await now(ticket)) == pytest.approx((1, 0.5))
    assert astuple(await now(behind)) == pytest.approx((2, 1.5))
    assert await now(unknown) == Queued(3, None)


async def test_one_user_may_have_so_many_on_the_way() -> None:
    house = House(limit_per_user=2)
    await house.submit()
    await house.submit()

    with pytest.raises(TooManyWaitingError):
        await house.submit()
    with pytest.raises(TooManyWaitingError):
        house.service.check(ImagineRequest(prompt="a fox"), ANNA)
    assert len(house.jobs.rows) == 2
    await house.submit(user=BERT)


async def test_a_place_is_free_again_when_a_job_is_over(house: House) -> None:
    house.service._queue._limit_per_user = 1
    await finished(await house.submit())

    await finished(await house.submit())


async def test_the_queue_may_be_full() -> None:
    house = House(limit=1)
    await house.submit()

    with pytest.raises(QueueFullError):
        await house.submit(user=BERT)


async def test_two_at_the_same_moment_do_not_slip_past_the_limit() -> None:
    house = House(limit_per_user=1)
    gate = house.jobs.gates["add"] = Gate()
    both = asyncio.gather(house.submit(), house.submit(), return_exceptions=True)
    await gate.reached.wait()
    gate.open()

    accepted, refused = await both
    assert isinstance(accepted, Ticket)
    assert isinstance(refused, TooManyWaitingError)


async def test_a_request_is_checked_without_being_accepted(closed_house: House) -> None:
    closed_house.service.check(ImagineRequest(prompt="a fox"), ANNA)

    assert closed_house.jobs.rows == {}
    with pytest.raises(OptionError):
        closed_house.service.check(ImagineRequest(prompt="a fox", num_inference_steps=101), ANNA)
    with pytest.raises(UnknownModelError):
        await closed_house.submit(ImagineRequest(prompt="a fox", model="gone"))


# Cancel


async def test_a_waiting_job_is_taken_back_and_never_runs(house: House) -> None:
    first = await running(house)
    waiting = await house.submit("a2")

    await house.service.cancel(waiting.job.id, OWNER)
    house.engine.release()
    await finished(first)

    assert await waiting.outcome() == Cancelled()
    assert house.row(waiting).status is JobStatus.CANCELLED
    assert [recipe.prompt for recipe in house.engine.recipes] == ["the running one"]


async def test_a_running_job_stops_between_two_steps_and_the_next_begins(house: House) -> None:
    ticket = await running(house)
    following = await house.submit("a2")

    await house.service.cancel(ticket.job.id, OWNER)

    assert await ticket.outcome() == Cancelled()
    assert house.row(ticket).status is JobStatus.CANCELLED
    assert house.engine.decodes == 0
    house.engine.release()
    await finished(following)


async def test_a_job_is_taken_back_in_the_moment_before_it_begins(house: House) -> None:
    first = await house.submit("a1")
    behind = await house.submit("a2")
    async for event in behind.events():
        if event == Queued(1):  # the first is off, and has not come to its first line
            await house.service.cancel(first.job.id, OWNER)
            break

    assert await first.outcome() == Cancelled()
    assert house.row(first).status is JobStatus.CANCELLED
    await finished(behind)
    assert [recipe.prompt for recipe in house.engine.recipes] == ["a2"]


async def test_it_is_too_late_to_cancel_once_the_pictures_are_made(house: House) -> None:
    gate = house.images.gates["put"] = Gate()
    ticket = await house.submit()
    await gate.reached.wait()

    with pytest.raises(JobOverError) as caught:
        await house.service.cancel(ticket.job.id, OWNER)
    assert caught.value.status == "done"

    gate.open()
    await finished(ticket)


async def test_it_is_too_late_to_cancel_what_is_over(house: House) -> None:
    ticket = await house.submit()
    await finished(ticket)

    with pytest.raises(JobOverError) as caught:
        await house.service.cancel(ticket.job.id, OWNER)

    assert (caught.value.job_id, caught.value.status) == (ticket.job.id, "done")


async def test_what_follows_the_job_that_was_being_saved_can_be_cancelled(house: House) -> None:
    await finished(await house.submit())
    await house.engine.begun.get()
    ticket = await running(house)

    await house.service.cancel(ticket.job.id, OWNER)

    assert await ticket.outcome() == Cancelled()


async def test_nobody_cancels_what_is_not_theirs_but_a_moderator(house: House) -> None:
    ticket = await running(house)

    with pytest.raises(NotYoursError):
        await house.service.cancel(ticket.job.id, Actor(BERT))
    await house.service.cancel(ticket.job.id, Actor(BERT, moderator=True))

    assert await ticket.outcome() == Cancelled()


async def test_ownership_is_checked_for_jobs_that_are_over_as_well(house: House) -> None:
    ticket = await house.submit()
    await finished(ticket)

    with pytest.raises(NotYoursError):
        await house.service.cancel(ticket.job.id, Actor(BERT))


async def test_a_job_that_nobody_knows_cannot_be_cancelled(house: House) -> None:
    with pytest.raises(UnknownJobError):
        await house.service.cancel(JobId("7K3QW9ZD"), OWNER)


# What goes wrong


async def test_a_job_that_the_engine_fails_has_its_sentence_and_the_next_goes_on(house: House) -> None:
    error = DeviceMemoryError("tiny", 128, 128)
    house.engine.errors.append(error)
    ticket, following = await house.submit("a1"), await house.submit("a2")

    assert await failure(ticket) is error
    row = house.row(ticket)
    assert row.status is JobStatus.FAILED
    assert (
        row.error
        == "`tiny` ran out of memory at 128x128, also after a smaller try; ask for a smaller picture."
    )
    assert house.history.rows == {}
    await finished(following)


async def test_an_error_that_nobody_foresaw_is_logged_and_told_as_the_models(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    house.engine.errors.append(RuntimeError("shape mismatch"))
    ticket = await house.submit()

    error = await failure(ticket)

    assert isinstance(error, GenerationError)
    assert (error.model, error.detail) == ("tiny", "shape mismatch")
    assert house.row(ticket).status is JobStatus.FAILED
    [record] = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert record.exc_info


async def test_a_job_that_cannot_be_written_down_is_not_accepted(house: House) -> None:
    house.jobs.faults["add"] = DatabaseBusyError()

    with pytest.raises(DatabaseBusyError):
        await house.submit()

    del house.jobs.faults["add"]
    assert house.jobs.rows == {}
    assert len(house.service._queue) == 0
    await finished(await house.submit())


@pytest.mark.parametrize("method", ["start", "put", "complete"])
async def test_a_job_that_storage_fails_is_failed_and_the_next_goes_on(house: House, method: str) -> None:
    error = DiskFullError("data")
    stores = {"start": house.jobs, "put": house.images, "complete": house.history}
    stores[method].faults[method] = error
    ticket = await house.submit()

    assert await failure(ticket) is error
    assert house.row(ticket).status is JobStatus.FAILED
    assert house.history.rows == {}

    del stores[method].faults[method]
    await finished(await house.submit())


@pytest.mark.parametrize("error", [DatabaseBusyError(), RuntimeError("a bug")])
async def test_the_user_is_told_even_if_the_end_cannot_be_written_down(
    house: House, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    ticket = await running(house)
    house.jobs.faults["end"] = error
    await house.service.cancel(ticket.job.id, OWNER)

    assert await ticket.outcome() == Cancelled()
    assert house.row(ticket).status is JobStatus.RUNNING
    assert "could not be written down" in caplog.text

    del house.jobs.faults["end"]
    house.engine.release()
    await finished(await house.submit())


async def test_a_remix_whose_source_is_gone_fails(house: House) -> None:
    ticket = await house.submit(RemixRequest(prompt="", source=SOURCE))

    assert isinstance(await failure(ticket), SourceGoneError)
    assert house.engine.recipes == []


# Stop and start again


async def test_closing_stops_the_running_job_and_leaves_everything_on_record(house: House) -> None:
    ticket = await running(house)
    waiting = await house.submit("a2")

    await house.service.close()

    assert isinstance(await failure(ticket), RestartedError)
    assert isinstance(await failure(waiting), RestartedError)
    assert house.row(ticket).status is JobStatus.RUNNING
    assert house.row(waiting).status is JobStatus.QUEUED
    assert house.engine.decodes == 0


async def test_closing_waits_until_the_device_is_free(house: House) -> None:
    device = house.engine.device = Gate()
    await running(house)

    closed = asyncio.create_task(house.service.close())
    await device.reached.wait()
    assert not closed.done()

    device.open()
    await closed


async def test_a_closed_service_takes_nothing_new(house: House) -> None:
    await house.service.close()
    await house.service.close()

    with pytest.raises(StoppingError):
        await house.submit()
    with pytest.raises(StoppingError):
        house.service.check(ImagineRequest(prompt="a fox"), ANNA)
    assert house.jobs.rows == {}


async def test_a_job_that_ends_while_the_service_closes_is_told(house: House) -> None:
    error = DeviceMemoryError("tiny", 128, 128)
    house.engine.errors.append(error)
    gate = house.jobs.gates["end"] = Gate()
    ticket = await house.submit()
    await gate.reached.wait()

    await house.service.close()

    assert await failure(ticket) is error
    assert house.row(ticket).status is JobStatus.RUNNING


async def test_a_job_that_joins_while_the_service_closes_is_told(house: House) -> None:
    gate = house.jobs.gates["add"] = Gate()
    submitted = asyncio.create_task(house.submit())
    await gate.reached.wait()
    closed = asyncio.create_task(house.service.close())
    asyncio.get_running_loop().call_soon(gate.open)
    await closed

    assert isinstance(await failure(await submitted), RestartedError)


async def test_the_next_start_fails_what_the_last_one_left(house: House) -> None:
    left = [await running(house), await house.submit("a2")]
    await house.service.close()

    house.service = house.new_service()
    await house.service.start(recover=True)

    assert [job.id for job in house.service.interrupted] == [ticket.job.id for ticket in left]
    for ticket in left:
        row = house.row(ticket)
        assert (row.status, row.error) == (
            JobStatus.FAILED,
            "The bot restarted before this was made; press Again.",
        )


async def test_a_service_beside_a_running_bot_leaves_its_jobs_alone(closed_house: House) -> None:
    job = a_job()
    await closed_house.jobs.add(job)

    await closed_house.service.start(recover=False)

    assert closed_house.service.interrupted == []
    assert closed_house.jobs.rows == {job.id: job}
