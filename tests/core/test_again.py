from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.again import request_again
from bot.core.catalog import ModelSpec
from bot.core.jobs import Job
from bot.core.recipe import plan
from bot.core.requests import Aspect, ImagineRequest, LadderRequest, RemixRequest
from tests.core.examples import PLAIN, SOURCE, STARTER, TINY, a_job

TURBO = replace(TINY, name="turbo", num_inference_steps=4, max_steps=8, min_run_steps=2, guidance_scale=0.0)
STRENGTHS = st.floats(0.01, 1).map(lambda strength: round(strength, 2))


def job_of(request: ImagineRequest, spec: ModelSpec) -> Job:
    """The job that the service would make of a request."""
    source = request.source if isinstance(request, RemixRequest) else None
    return a_job(*plan(request, spec, seed=3), source=source, kind=request.kind)


REQUESTS = st.one_of(
    st.builds(
        ImagineRequest,
        prompt=st.sampled_from(["a fox", "a kitten"]),
        negative_prompt=st.sampled_from(["", "blurry"]),
        aspect=st.sampled_from([None, *Aspect]),
        count=st.integers(1, 4),
        num_inference_steps=st.sampled_from([None, 1, 8]),
    ),
    st.builds(
        RemixRequest,
        prompt=st.sampled_from(["", "a fox", "make it neon"]),
        source=st.just(replace(SOURCE, width=300, height=200, prompt="on red", model_prompt="a cat")),
        strength=STRENGTHS,
        count=st.integers(1, 4),
        num_inference_steps=st.sampled_from([None, 1, 8]),
    ),
    st.builds(
        LadderRequest,
        prompt=st.just("a fox"),
        source=st.just(SOURCE),
        strengths=st.lists(STRENGTHS, min_size=2, max_size=9, unique=True).map(tuple),
        num_inference_steps=st.sampled_from([None, 1, 8]),
    ),
)


@given(REQUESTS, st.sampled_from([TINY, PLAIN, TURBO, STARTER]))
def test_again_makes_the_same_pictures_but_for_the_seed(request: ImagineRequest, spec: ModelSpec) -> None:
    job = job_of(request, spec)

    again = request_again(job)

    assert again.seed is None
    assert again.kind is job.kind
    assert plan(again, spec, seed=3) == job.recipes


@given(REQUESTS, st.sampled_from([TINY, PLAIN, TURBO, STARTER]), st.data())
def test_again_of_one_picture_makes_that_one_alone(
    request: ImagineRequest, spec: ModelSpec, data: st.DataObject
) -> None:
    job = job_of(request, spec)
    index = data.draw(st.integers(0, len(job.recipes) - 1))

    again = request_again(job, index)

    assert plan(again, spec, seed=job.recipes[index].seed) == (job.recipes[index],)


def test_again_of_a_ladders_tile_is_a_remix() -> None:
    job = job_of(LadderRequest(prompt="a fox", source=SOURCE, strengths=(0.3, 0.9)), TINY)

    again = request_again(job, 1)

    assert type(again) is RemixRequest
    assert again.strength == 0.9


def test_again_of_a_remix_starts_from_the_same_source() -> None:
    again = request_again(job_of(RemixRequest(prompt="a fox", source=SOURCE), TINY))

    assert type(again) is RemixRequest
    assert again.source is SOURCE


def test_again_asks_for_what_the_user_wrote_not_for_what_the_model_was_given() -> None:
    job = job_of(ImagineRequest(prompt="a kitten", negative_prompt="some cars"), STARTER)

    again = request_again(job)

    assert job.recipe.given_prompt == "a 3d cat"
    assert (again.prompt, again.negative_prompt) == ("a kitten", "some cars")


def test_again_names_a_picture_that_the_job_has() -> None:
    with pytest.raises(IndexError):
        request_again(job_of(ImagineRequest(prompt="a fox"), TINY), 1)
