"""A picture's way to Discord, and what may happen to it there."""

import asyncio
import io
from itertools import chain, repeat

import pytest
from PIL import Image

from bot.core.errors import DatabaseBusyError
from bot.core.ids import JobId
from bot.core.jobs import Job, JobStatus
from cogs.ui.progress import PATIENCE
from tests.loopback.answers import (
    ACCEPTED_THEN_DROPPED,
    ARCHIVED,
    DIRECT_MESSAGES_CLOSED,
    DROPPED,
    MISSING_ACCESS,
    OK,
    TOKEN_OVER,
    TOKEN_UNKNOWN,
    TOO_LARGE,
    Answer,
    failed,
    rate_limited,
)
from tests.loopback.server import (
    CALLBACK,
    CHANNEL_MESSAGE,
    CHANNEL_MESSAGES,
    DIRECT_MESSAGES,
    ORIGINAL,
    LoopbackDiscord,
)
from tests.loopback.shapes import CHANNEL_ID, USER_ID, Json
from tests.loopback.stage import Stage, pictures_of, settled, text_of


def direct_messages(stage: Stage) -> list[Json]:
    """What the bot wrote to the one who acts."""
    channel_id = stage.discord.channels.direct_with(USER_ID)
    return stage.discord.messages.newest_first(channel_id) if channel_id else []


KEPT = "The picture is made and kept in `/history`"


def statuses(discord: LoopbackDiscord) -> list[int | None]:
    """What the uploads to the answer of the command were answered with."""
    return [call.status for call in discord.calls_to("PATCH", ORIGINAL, uploads=True)]


async def test_a_picture_is_uploaded_once_and_shown_on_the_card(stage: Stage) -> None:
    pressed = await stage.imagine("a red apple", seed=7)

    [generation] = await stage.history()
    [upload] = stage.discord.calls_to("PATCH", ORIGINAL, uploads=True)
    [file] = upload.files
    assert file.name == f"{generation.id}.png"
    assert Image.open(io.BytesIO(file.data)).size == (128, 128)
    assert pictures_of(stage.card(pressed))[0].startswith("https://cdn.discordapp.com/attachments/")
    assert "seed 7" in text_of(stage.card(pressed))


@pytest.mark.parametrize("status", [500, 502, 504])
async def test_an_upload_that_fails_twice_is_sent_whole_again_and_shown_once(
    stage: Stage, status: int
) -> None:
    stage.discord.answer("PATCH", ORIGINAL, [failed(status), failed(status), OK], uploads=True)

    pressed = await stage.imagine()

    assert statuses(stage.discord) == [status, status, 200]
    assert len({call.files for call in stage.discord.calls_to("PATCH", ORIGINAL, uploads=True)}) == 1
    assert len(pictures_of(stage.card(pressed))) == 1
    assert len(await stage.history()) == 1


async def test_an_upload_that_always_fails_becomes_a_sentence_and_the_picture_is_kept(stage: Stage) -> None:
    stage.discord.answer("PATCH", ORIGINAL, repeat(failed(500)), uploads=True)

    pressed = await stage.imagine()

    assert statuses(stage.discord) == [500] * 5 * (1 + len(PATIENCE))
    assert f"{KEPT}, but Discord did not take it (error 500)." in text_of(stage.card(pressed))
    assert len(await stage.history()) == 1


async def test_a_rate_limited_upload_waits_as_told_and_is_delivered(stage: Stage, waits: list[float]) -> None:
    stage.discord.answer("PATCH", ORIGINAL, [rate_limited(7.5), OK], uploads=True)

    pressed = await stage.imagine()

    assert statuses(stage.discord) == [429, 200]
    assert waits == [7.5]
    assert len(pictures_of(stage.card(pressed))) == 1


async def test_a_global_rate_limit_holds_an_answer_to_a_mention_back(
    stage: Stage, waits: list[float]
) -> None:
    stage.discord.answer("POST", CHANNEL_MESSAGES, [rate_limited(3.25, globally=True), OK])

    await stage.discord.send_message(f"<@{stage.bot.application_id}> imagine a red apple")
    await stage.discord.until(lambda: bool(stage.discord.calls_to("POST", CHANNEL_MESSAGES)))
    await settled()

    assert [call.status for call in stage.discord.calls_to("POST", CHANNEL_MESSAGES)] == [429, 200]
    assert waits == [3.25]
    [answer, _] = stage.discord.messages.newest_first()
    assert len(pictures_of(answer)) == 1


async def test_a_picture_that_is_too_large_is_sent_again_as_a_smaller_webp(stage: Stage) -> None:
    stage.discord.answer("PATCH", ORIGINAL, [TOO_LARGE, OK], uploads=True)

    pressed = await stage.imagine()

    [png], [webp] = [call.files for call in stage.discord.calls_to("PATCH", ORIGINAL, uploads=True)]
    assert (png.name[-4:], webp.name[-5:]) == (".png", ".webp")
    assert len(webp.data) <= len(png.data) // 2
    assert pictures_of(stage.card(pressed))[0].endswith(".webp")
    assert "Sent as WebP: the PNG was over this place's upload limit." in text_of(stage.card(pressed))


async def test_a_picture_that_is_always_too_large_becomes_a_sentence_and_is_kept(stage: Stage) -> None:
    stage.discord.answer("PATCH", ORIGINAL, repeat(TOO_LARGE), uploads=True)

    pressed = await stage.imagine()

    [[png], [webp]] = [call.files for call in stage.discord.calls_to("PATCH", ORIGINAL, uploads=True)]
    card = text_of(stage.card(pressed))
    assert f"{KEPT}, but its {len(webp.data):,} bytes are too many for Discord here." in card
    assert len(png.data) > len(webp.data)
    assert len(await stage.history()) == 1


async def test_a_ladders_sheet_that_is_too_large_is_sent_again_as_a_smaller_webp(stage: Stage) -> None:
    await stage.imagine()
    [generation] = await stage.history()
    stage.discord.answer("PATCH", ORIGINAL, [TOO_LARGE, OK], uploads=True)

    pressed = await stage.discord.send_slash("ladder", source=generation.id, prompt="as a house")
    await settled()

    _, png, webp = stage.discord.calls_to("PATCH", ORIGINAL, uploads=True)
    assert len(webp.files[0].data) <= len(png.files[0].data) // 2
    assert pictures_of(stage.card(pressed))[0].endswith(".webp")


@pytest.mark.parametrize("upload_limit", [30_000])
async def test_a_picture_over_the_limit_that_discord_told_is_sent_as_webp_at_once(
    stage: Stage, upload_limit: int
) -> None:
    await stage.imagine()

    [upload] = stage.discord.calls_to("PATCH", ORIGINAL, uploads=True)
    assert upload.files[0].name.endswith(".webp")
    assert len(upload.files[0].data) <= upload_limit


async def test_a_connection_that_drops_during_the_upload_is_tried_again(stage: Stage) -> None:
    stage.discord.answer("PATCH", ORIGINAL, [DROPPED, DROPPED, OK], uploads=True)

    pressed = await stage.imagine()

    assert statuses(stage.discord) == [0, 0, 200]
    assert len(pictures_of(stage.card(pressed))) == 1


async def test_uploads_that_always_drop_become_a_sentence_and_the_picture_is_kept(stage: Stage) -> None:
    stage.discord.answer("PATCH", ORIGINAL, repeat(DROPPED), uploads=True)

    pressed = await stage.imagine()

    assert statuses(stage.discord) == [0] * 5 * (1 + len(PATIENCE))
    assert KEPT in text_of(stage.card(pressed))
    assert len(await stage.history()) == 1


@pytest.mark.parametrize("fault", [DROPPED, failed(500)])
async def test_progress_that_cannot_be_shown_does_not_keep_the_picture_back(
    stage: Stage, fault: Answer
) -> None:
    stage.engine.hold()
    stage.discord.answer("PATCH", ORIGINAL, repeat(fault, 5))

    pressed = await stage.discord.send_slash("imagine", prompt="a red apple")
    await stage.discord.until(lambda: len(stage.discord.calls_to("PATCH", ORIGINAL)) == 5)
    stage.engine.release()
    await settled()

    assert len(pictures_of(stage.card(pressed))) == 1


@pytest.mark.parametrize("over", [TOKEN_OVER, TOKEN_UNKNOWN])
async def test_a_card_whose_token_is_over_is_edited_as_a_message(stage: Stage, over: Answer) -> None:
    stage.discord.answer("PATCH", ORIGINAL, repeat(over), uploads=True)

    pressed = await stage.imagine()

    [edit] = stage.discord.calls_to("PATCH", CHANNEL_MESSAGE, uploads=True)
    assert edit.status == 200
    assert edit.path.endswith(f"/{pressed.original}")
    assert len(pictures_of(stage.card(pressed))) == 1


async def test_a_private_card_whose_token_is_over_is_sent_to_its_owner_directly(stage: Stage) -> None:
    stage.discord.answer("PATCH", ORIGINAL, chain([OK], repeat(TOKEN_OVER)))

    await stage.imagine(private=True)

    [direct] = direct_messages(stage)
    assert len(pictures_of(direct)) == 1
    assert f"<@{USER_ID}>" in text_of(direct)
    # Nothing of it in the channel.
    assert stage.discord.calls_to("POST", f"/channels/{CHANNEL_ID}/messages") == []


async def test_a_private_picture_that_may_have_been_shown_is_not_sent_a_second_time(stage: Stage) -> None:
    answers = [ACCEPTED_THEN_DROPPED, *[DROPPED] * 4]
    stage.discord.answer("PATCH", ORIGINAL, chain(answers, repeat(TOKEN_OVER)), uploads=True)
    stage.discord.answer("PATCH", ORIGINAL, chain([OK], repeat(TOKEN_OVER)))

    pressed = await stage.imagine(private=True)

    assert len(pictures_of(stage.card(pressed))) == 1
    [direct] = direct_messages(stage)
    assert pictures_of(direct) == []
    assert "Discord never confirmed that it showed you the private answer" in text_of(direct)


async def test_a_card_that_was_deleted_meanwhile_is_sent_anew_and_mentions_its_owner(stage: Stage) -> None:
    stage.engine.hold()
    pressed = await stage.discord.send_slash("imagine", prompt="a red apple")
    await stage.discord.until(lambda: bool(stage.discord.calls_to("PATCH", ORIGINAL)))

    await stage.discord.delete_message(pressed.original or 0)
    stage.engine.release()
    await settled()

    [generation] = await stage.history()
    [sent] = stage.discord.calls_to("POST", CHANNEL_MESSAGES)
    assert sent.payload["nonce"] == f"{generation.job_id}-{pressed.original:x}"
    assert sent.payload["enforce_nonce"] is True
    assert sent.payload["allowed_mentions"]["users"] == [USER_ID]
    [card] = stage.discord.messages.newest_first(CHANNEL_ID)
    assert len(pictures_of(card)) == 1
    assert f"For <@{USER_ID}>" in text_of(card)
    assert pressed.original != int(card["id"]) == generation.origin.message_id


@pytest.mark.parametrize("fault", [ACCEPTED_THEN_DROPPED, DROPPED, failed(500)])
async def test_a_card_is_sent_anew_once_however_often_that_is_tried(stage: Stage, fault: Answer) -> None:
    stage.engine.hold()
    pressed = await stage.discord.send_slash("imagine", prompt="a red apple")
    await stage.discord.until(lambda: bool(stage.discord.calls_to("PATCH", ORIGINAL)))
    stage.discord.answer("POST", CHANNEL_MESSAGES, [fault, fault, fault])

    await stage.discord.delete_message(pressed.original or 0)
    stage.engine.release()
    await settled()

    assert [call.status for call in stage.discord.calls_to("POST", CHANNEL_MESSAGES)][-1] == 200
    [card] = stage.discord.messages.newest_first(CHANNEL_ID)
    assert len(pictures_of(card)) == 1


async def test_a_card_that_was_sent_is_found_when_its_nonce_has_been_forgotten(stage: Stage) -> None:
    stage.engine.hold()
    pressed = await stage.discord.send_slash("imagine", prompt="a red apple")
    await stage.discord.until(lambda: bool(stage.discord.calls_to("PATCH", ORIGINAL)))
    stage.discord._nonces._life = 0
    # It is sent, and so is the answer; the connection breaks each time, until Discord is tried much later.
    stage.discord.answer("POST", CHANNEL_MESSAGES, [ACCEPTED_THEN_DROPPED, *[DROPPED] * 4])

    await stage.discord.delete_message(pressed.original or 0)
    stage.engine.release()
    await settled()

    [card] = stage.discord.messages.newest_first(CHANNEL_ID)
    assert len(pictures_of(card)) == 1
    assert len(stage.discord.calls_to("POST", CHANNEL_MESSAGES)) == 5


@pytest.mark.parametrize("how", ["deleted", "forbidden"])
async def test_a_picture_whose_channel_is_closed_goes_to_its_owner_directly(stage: Stage, how: str) -> None:
    stage.engine.hold()
    await stage.discord.send_slash("imagine", prompt="a red apple")
    await stage.discord.until(lambda: bool(stage.discord.calls_to("PATCH", ORIGINAL)))
    stage.discord.answer("PATCH", ORIGINAL, repeat(TOKEN_OVER))

    if how == "deleted":
        await stage.discord.delete_channel(CHANNEL_ID)
    else:
        stage.discord.channels.forbid(CHANNEL_ID, MISSING_ACCESS)
    stage.engine.release()
    await settled()

    [direct] = direct_messages(stage)
    assert len(pictures_of(direct)) == 1


async def test_a_picture_that_reaches_nobody_waits_in_history_and_the_log_says_so(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    stage.discord.answer("POST", DIRECT_MESSAGES, repeat(DIRECT_MESSAGES_CLOSED))
    stage.discord.answer("PATCH", ORIGINAL, chain([OK], repeat(TOKEN_OVER)))

    await stage.imagine(private=True)

    [generation] = await stage.history()
    assert (await stage.services.gallery.job(generation.job_id)).status is JobStatus.DONE
    assert "nobody can be told how it ended" in caplog.text


@pytest.mark.parametrize("fault", [DROPPED, failed(500)])
async def test_a_card_that_cannot_be_placed_at_first_is_shown_with_the_picture(
    stage: Stage, fault: Answer
) -> None:
    stage.discord.answer("PATCH", ORIGINAL, repeat(fault, 12))

    pressed = await stage.imagine()

    assert len(pictures_of(stage.card(pressed))) == 1


async def test_an_acknowledgement_whose_answer_was_lost_counts(stage: Stage) -> None:
    stage.discord.answer("POST", CALLBACK, [ACCEPTED_THEN_DROPPED])

    pressed = await stage.imagine()

    assert len(pictures_of(stage.card(pressed))) == 1


async def test_a_result_waits_while_discord_is_away_and_is_delivered_when_it_is_back(stage: Stage) -> None:
    stage.engine.hold()
    pressed = await stage.discord.send_slash("imagine", prompt="a red apple")
    await stage.discord.until(lambda: bool(stage.discord.calls_to("PATCH", ORIGINAL)))

    await stage.discord.gateway.close()
    stage.discord.answer("PATCH", ORIGINAL, repeat(DROPPED, 13))  # two rounds of five tries, and three more
    stage.engine.release()
    await settled()

    assert len(pictures_of(stage.card(pressed))) == 1
    await stage.discord.gateway.ready.wait()
    later = await stage.imagine("a green pear")
    assert len(pictures_of(stage.card(later))) == 1


async def test_two_clicks_on_cancel_at_the_same_moment_are_one(stage: Stage) -> None:
    stage.engine.hold()
    pressed = await stage.discord.send_slash("imagine", prompt="a red apple")
    await stage.discord.until(lambda: bool(stage.discord.calls_to("PATCH", ORIGINAL)))
    [job] = stage.services.generation.jobs_of(USER_ID)

    clicks = [stage.discord.send_component(pressed.original or 0, f"atelier:cancel:{job.id}") for _ in "ab"]
    await asyncio.gather(*clicks)
    await settled()

    assert "Cancelled." in text_of(stage.card(pressed))
    assert (await stage.services.gallery.job(job.id)).status is JobStatus.CANCELLED


async def test_a_database_that_is_busy_for_a_moment_does_not_take_the_picture_from_its_card(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.engine.hold()
    pressed = await stage.discord.send_slash("imagine", prompt="a red apple")
    await stage.discord.until(lambda: bool(stage.discord.calls_to("PATCH", ORIGINAL)))
    await stage.discord.delete_message(pressed.original or 0)

    async def busy(*_: object) -> None:
        raise DatabaseBusyError

    monkeypatch.setattr(stage.services.generation, "placed", busy)
    stage.engine.release()
    await settled()

    [card] = stage.discord.messages.newest_first(CHANNEL_ID)
    assert len(pictures_of(card)) == 1


async def test_a_database_that_is_busy_when_it_comes_to_deliver_is_asked_again(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, waits: list[float]
) -> None:
    original, busy = stage.services.gallery.job, [DatabaseBusyError(), DatabaseBusyError()]

    async def job(job_id: JobId) -> Job:
        if busy:
            raise busy.pop()
        return await original(job_id)

    monkeypatch.setattr(stage.services.gallery, "job", job)
    monkeypatch.setattr(stage.bot.gallery, "job", job)

    pressed = await stage.imagine()

    assert len(pictures_of(stage.card(pressed))) == 1
    assert waits[:2] == list(PATIENCE[:2])


async def test_a_picture_whose_thread_was_archived_goes_to_its_owner_directly(stage: Stage) -> None:
    stage.discord.answer("PATCH", ORIGINAL, chain([OK], repeat(TOKEN_OVER)))
    stage.discord.answer("PATCH", CHANNEL_MESSAGE, repeat(ARCHIVED))
    stage.discord.answer("POST", f"/channels/{CHANNEL_ID}/messages", repeat(ARCHIVED))

    await stage.imagine()

    [direct] = direct_messages(stage)
    assert len(pictures_of(direct)) == 1


@pytest.mark.parametrize("previews", [True])
async def test_previews_are_shown_while_the_picture_forms(stage: Stage) -> None:
    stage.engine.hold()
    pressed = await stage.discord.send_slash("imagine", prompt="a red apple")
    await stage.discord.until(lambda: bool(stage.discord.calls_to("PATCH", ORIGINAL)))

    while not stage.engine.recipes:  # noqa: ASYNC110 - it tells nobody that it has begun
        await asyncio.sleep(0.01)
    stage.engine.release()
    for _ in range(4):
        await asyncio.sleep(0)
    stage.engine.hold()
    await stage.discord.until(lambda: bool(stage.discord.calls_to("PATCH", ORIGINAL, uploads=True)))

    assert pictures_of(stage.card(pressed))[0].endswith("forming-1.webp")
    assert "of 12" in text_of(stage.card(pressed))
    stage.engine.release()
    await settled()
    [picture] = pictures_of(stage.card(pressed))
    assert picture.endswith(".png")


@pytest.mark.parametrize("fault", [DROPPED, failed(500)])
async def test_an_interaction_that_cannot_be_answered_at_all_is_only_logged(
    stage: Stage, fault: Answer, caplog: pytest.LogCaptureFixture
) -> None:
    stage.discord.answer("POST", CALLBACK, repeat(fault))

    await stage.imagine()

    assert "could not answer" in caplog.text
    assert stage.engine.recipes == []


async def test_again_is_answered_with_a_card_of_its_own(stage: Stage) -> None:
    first = await stage.imagine()
    [generation] = await stage.history()

    again = await stage.discord.send_component(first.original or 0, f"atelier:again:{generation.job_id}")
    await settled()

    assert again.original != first.original
    assert len(pictures_of(stage.card(again))) == 1
    assert len(await stage.history()) == 2


async def test_remix_is_answered_with_a_form(stage: Stage) -> None:
    first = await stage.imagine()
    [generation] = await stage.history()

    remix = await stage.discord.send_component(first.original or 0, f"atelier:remix:{generation.job_id}")

    assert remix.modal is not None
    assert remix.original is None


async def test_delete_takes_the_card_away(stage: Stage) -> None:
    first = await stage.imagine()
    [generation] = await stage.history()

    await stage.discord.send_component(first.original or 0, f"atelier:delete:{generation.job_id}")
    await settled()

    assert stage.discord.messages.newest_first() == []
    assert await stage.history() == ()
