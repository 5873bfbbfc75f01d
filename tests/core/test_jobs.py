from dataclasses import replace

import pytest

from bot.core.jobs import TRANSITIONS, JobStatus, Picture
from tests.core.examples import RECIPE, a_job


def test_a_picture_holds_three_bytes_for_each_pixel() -> None:
    assert Picture(2, 1, bytes(6)).rgb == bytes(6)
    with pytest.raises(ValueError, match="5 bytes are no 2x1 RGB picture"):
        Picture(2, 1, bytes(5))


def test_every_status_has_its_transitions() -> None:
    assert set(TRANSITIONS) == set(JobStatus)


def test_a_job_is_over_when_nothing_may_follow() -> None:
    over = {status for status in JobStatus if status.is_over}

    assert over == {JobStatus.DONE, JobStatus.FAILED, JobStatus.CANCELLED}


def test_a_job_is_done_only_after_it_ran() -> None:
    before_done = {status for status in JobStatus if JobStatus.DONE in TRANSITIONS[status]}

    assert before_done == {JobStatus.RUNNING, JobStatus.DELIVERING}


def test_only_what_runs_goes_back_to_waiting() -> None:
    assert [status for status, after in TRANSITIONS.items() if JobStatus.QUEUED in after] == [
        JobStatus.RUNNING
    ]


def test_what_is_made_can_neither_fail_nor_be_cancelled() -> None:
    assert TRANSITIONS[JobStatus.DELIVERING] == {JobStatus.DONE}


def test_a_jobs_card_shows_its_first_recipe() -> None:
    assert a_job(RECIPE, replace(RECIPE, seed=8)).recipe is RECIPE
