"""How strength becomes denoising steps, as diffusers' image-to-image pipelines do it.

Source: `StableDiffusionImg2ImgPipeline.get_timesteps` in diffusers:
`init_timestep = min(int(num_inference_steps * strength), num_inference_steps)`.
"""

from bot.core.errors import OptionError, StrengthsError

DEFAULT_STRENGTH = 0.6
DEFAULT_LADDER = (0.3, 0.5, 0.7)
MIN_TILES = 2
MAX_TILES = 9
MOST_STEPS = 1000
"""Diffusers' schedulers are trained on 1,000 timesteps and cannot take more steps than that."""


def check_strength(strength: float) -> float:
    """`strength` if 0 < strength <= 1.

    Raises:
        OptionError: it is not (not-a-number included).
    """
    if not 0 < strength <= 1:
        raise OptionError("strength", strength, 0, 1, exclusive_low=True)
    return strength


def steps_run(num_inference_steps: int, strength: float) -> int:
    """How many of `num_inference_steps` image-to-image runs at `strength` (0 to num_inference_steps)."""
    return min(int(num_inference_steps * strength), num_inference_steps)


def raise_steps(num_inference_steps: int, strength: float, minimum: int = 1) -> int:
    """The least step count of at least `num_inference_steps` that runs `minimum` steps or more.

    Stock diffusers fails when `strength` is so low that no step is left; the same call with the
    raised count is what we run instead.

    Raises:
        OptionError: `strength` is so low that not even `MOST_STEPS` would do.
    """
    steps = num_inference_steps
    while steps_run(steps, strength) < minimum:
        if steps >= MOST_STEPS:
            raise OptionError("strength", strength, minimum / MOST_STEPS, 1)
        steps += 1
    return steps


def parse_strengths(text: str) -> tuple[float, ...]:
    """Read a ladder such as `0.3 0.5 0.7` or `0.3,0.5,0.7`: 2 to 9 different strengths, in order.

    Raises:
        StrengthsError: not numbers, repeated, too few or too many.
        OptionError: a strength outside 0 to 1.
    """
    words = text.replace(",", " ").replace(";", " ").split()
    strengths: list[float] = []
    for word in words:
        try:
            strengths.append(float(word))
        except ValueError:
            raise StrengthsError("not_a_number", word) from None
    return check_ladder(tuple(strengths))


def check_ladder(strengths: tuple[float, ...]) -> tuple[float, ...]:
    """`strengths` if they make a ladder: 2 to 9 different ones, each above 0 and at most 1.

    Raises:
        StrengthsError: repeated, too few or too many.
        OptionError: a strength outside 0 to 1.
    """
    for index, strength in enumerate(strengths):
        if check_strength(strength) in strengths[:index]:
            raise StrengthsError("repeated", f"{strength:g}")
    if len(strengths) < MIN_TILES:
        raise StrengthsError("too_few", count=len(strengths))
    if len(strengths) > MAX_TILES:
        raise StrengthsError("too_many", count=len(strengths))
    return strengths
