from dataclasses import replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.core.ids import GenerationId, JobId, new_generation_id, new_job_id
from bot.core.jobs import Generation, Job, JobStatus, Origin
from bot.core.recipe import Recipe
from bot.core.requests import MAX_SEED, Kind, Source
from tests.history.examples import Stores

SNOWFLAKES = st.integers(0, 2**63 - 1)
TIMES = st.floats(0, 4e9)
SIDES = st.integers(1, 8192)
HASHES = st.text("0123456789abcdef", min_size=64, max_size=64)
TEXTS = st.text(max_size=40)

ORIGINS = st.builds(
    Origin,
    user_id=SNOWFLAKES,
    user_name=TEXTS,
    guild_id=st.none() | SNOWFLAKES,
    channel_id=st.none() | SNOWFLAKES,
    message_id=st.none() | SNOWFLAKES,
    interaction_token=st.none() | TEXTS,
    private=st.booleans(),
)
RECIPES = st.builds(
    Recipe,
    model=TEXTS,
    revision=st.none() | TEXTS,
    prompt=TEXTS,
    negative_prompt=TEXTS,
    width=SIDES,
    height=SIDES,
    num_inference_steps=st.integers(1, 1000),
    guidance_scale=st.floats(0, 30),
    seed=st.integers(0, MAX_SEED),
    scheduler=st.none() | TEXTS,
    strength=st.none() | st.floats(0, 1, exclude_min=True),
    source_sha256=st.none() | HASHES,
    model_prompt=st.none() | TEXTS,
    model_negative_prompt=st.none() | TEXTS,
)
SOURCES = st.builds(
    Source,
    sha256=HASHES,
    width=SIDES,
    height=SIDES,
    prompt=st.none() | TEXTS,
    model_prompt=st.none() | TEXTS,
    parent_id=st.none() | st.builds(new_generation_id),
    jump_url=st.none() | TEXTS,
)
JOBS = st.builds(
    Job,
    id=st.just(JobId("")),
    kind=st.sampled_from(Kind),
    origin=ORIGINS,
    recipes=st.lists(RECIPES, min_size=1, max_size=3).map(tuple),
    source=st.none() | SOURCES,
    status=st.sampled_from(JobStatus),
    created_at=TIMES,
    started_at=st.none() | TIMES,
    finished_at=st.none() | TIMES,
    error=st.none() | TEXTS,
)
GENERATIONS = st.builds(
    Generation,
    id=st.just(GenerationId("")),
    job_id=st.just(JobId("")),
    index=st.integers(0, 8),
    kind=st.sampled_from(Kind),
    origin=ORIGINS,
    recipe=RECIPES,
    image_sha256=HASHES,
    parent_id=st.none() | st.builds(new_generation_id),
    steps_run=st.integers(0, 1000),
    seconds=TIMES,
    versions=st.dictionaries(TEXTS, TEXTS, max_size=3),
    prompt_cut=TEXTS,
    shrunk_from=st.none() | st.tuples(SIDES, SIDES),
    hidden=st.booleans(),
    created_at=TIMES,
)
# One database for all examples: each adds rows of its own, which do not touch those of another.
one_database = settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@one_database
@given(job=JOBS)
async def test_any_job_is_read_back_equal(stores: Stores, job: Job) -> None:
    job = replace(job, id=new_job_id())
    await stores.jobs.add(job)
    assert await stores.jobs.get(job.id) == job


@one_database
@given(job=JOBS, generation=GENERATIONS)
async def test_any_picture_of_a_job_is_read_back_equal(
    stores: Stores, job: Job, generation: Generation
) -> None:
    job = replace(job, id=new_job_id(), status=JobStatus.RUNNING)
    generation = replace(generation, id=new_generation_id(), job_id=job.id, kind=job.kind, origin=job.origin)
    await stores.jobs.add(job)
    await stores.history.complete(job.id, [generation], 0.0)
    assert await stores.history.get(generation.id) == generation
