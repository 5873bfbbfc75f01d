"""Jobs and pictures to store, made from the few values that a test is about."""

from dataclasses import dataclass, replace

from bot.core.ids import GenerationId, JobId, new_generation_id, new_job_id
from bot.core.jobs import Generation, Job, JobStatus, Origin
from bot.core.recipe import Recipe
from bot.core.requests import Kind, Source
from bot.history.generations import SqliteHistory
from bot.history.jobs import SqliteJobs

ANNA, BERT = 1001, 1002
STUDIO, HALL = 501, 502
RECIPE = Recipe(
    model="tiny",
    revision=None,
    prompt="a fox",
    negative_prompt="",
    width=64,
    height=48,
    num_inference_steps=4,
    guidance_scale=7.5,
    seed=7,
)


def a_hash(letter: str) -> str:
    """A file's hash to be told apart at a glance: 64 times the hexadecimal digit `letter`."""
    return letter * 64


def a_recipe(prompt: str = "a fox", source: str | None = None) -> Recipe:
    return replace(RECIPE, prompt=prompt, source_sha256=source, strength=0.6 if source else None)


def a_job(
    *,
    job_id: str | None = None,
    user: int = ANNA,
    channel: int | None = STUDIO,
    message: int | None = None,
    status: JobStatus = JobStatus.QUEUED,
    created_at: float = 0.0,
    source: str | None = None,
    crashes: int = 0,
) -> Job:
    return Job(
        id=JobId(job_id) if job_id else new_job_id(),
        kind=Kind.REMIX if source else Kind.IMAGINE,
        origin=Origin(
            user_id=user, user_name="Anna", guild_id=9, channel_id=channel, message_id=message, private=False
        ),
        recipes=(a_recipe(source=source),),
        source=Source(sha256=source, width=64, height=48) if source else None,
        status=status,
        created_at=created_at,
        crashes=crashes,
    )


def a_generation(
    job: Job,
    *,
    index: int = 0,
    generation_id: str | None = None,
    prompt: str = "a fox",
    image: str = "1",
    source: str | None = None,
    parent: GenerationId | None = None,
    hidden: bool = False,
    created_at: float = 0.0,
) -> Generation:
    return Generation(
        id=GenerationId(generation_id) if generation_id else new_generation_id(),
        job_id=job.id,
        index=index,
        kind=job.kind,
        origin=job.origin,
        recipe=a_recipe(prompt, source),
        image_sha256=a_hash(image),
        parent_id=parent,
        hidden=hidden,
        created_at=created_at,
    )


@dataclass(frozen=True)
class Stores:
    """Both stores on one database, and a short way to fill them."""

    jobs: SqliteJobs
    history: SqliteHistory

    async def complete(self, job: Job, *generations: Generation) -> None:
        """Take a new job through to its end."""
        await self.jobs.add(job)
        await self.jobs.start(job.id, 0.0)
        await self.history.complete(job.id, generations, 0.0)

    async def keep(
        self,
        *,
        user: int = ANNA,
        channel: int | None = STUDIO,
        message: int | None = None,
        generation_id: str | None = None,
        prompt: str = "a fox",
        image: str = "1",
        source: str | None = None,
        parent: GenerationId | None = None,
        hidden: bool = False,
        created_at: float = 0.0,
    ) -> Generation:
        """Store a job of one picture."""
        job = a_job(user=user, channel=channel, message=message, source=source, created_at=created_at)
        generation = a_generation(
            job,
            generation_id=generation_id,
            prompt=prompt,
            image=image,
            source=source,
            parent=parent,
            hidden=hidden,
            created_at=created_at,
        )
        await self.complete(job, generation)
        return generation
