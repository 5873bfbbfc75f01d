"""A scheduler of its own for every picture."""

from types import SimpleNamespace
from typing import Any

import pytest
from diffusers import DDIMScheduler, EulerDiscreteScheduler

from bot.engine.schedulers import fresh_scheduler


@pytest.fixture
def pipeline() -> Any:
    return SimpleNamespace(scheduler=DDIMScheduler(beta_end=0.012, clip_sample=False))


def test_the_model_s_own_class_and_configuration_are_kept(pipeline: Any) -> None:
    own = pipeline.scheduler

    with fresh_scheduler(pipeline, None) as scheduler:
        assert pipeline.scheduler is scheduler is not own
        assert type(scheduler) is DDIMScheduler
        assert scheduler.config == own.config


def test_another_class_is_made_from_the_model_s_configuration(pipeline: Any) -> None:
    with fresh_scheduler(pipeline, "EulerDiscreteScheduler") as scheduler:
        assert type(scheduler) is EulerDiscreteScheduler
        assert scheduler.config.beta_end == 0.012


def test_the_model_s_own_scheduler_is_put_back_untouched_after_an_error(pipeline: Any) -> None:
    own = pipeline.scheduler

    def fail_half_way() -> None:
        with fresh_scheduler(pipeline, None) as scheduler:
            scheduler.set_timesteps(5)
            raise KeyError

    with pytest.raises(KeyError):
        fail_half_way()

    assert pipeline.scheduler is own
    assert own.num_inference_steps is None


@pytest.mark.parametrize("name", ["NoSuchScheduler", "StableDiffusionPipeline", "__version__"])
def test_what_is_no_scheduler_of_diffusers_is_refused(pipeline: Any, name: str) -> None:
    with pytest.raises(ValueError, match=name), fresh_scheduler(pipeline, name):
        pass
