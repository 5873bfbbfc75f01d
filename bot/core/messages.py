"""`explain(error)`: the sentence that a user reads. All of them are here, and nowhere else.

`tell_reading` says what a model of few words made of a prompt, on a card as on the command line.
"""

from bot.core import errors as e
from bot.core.catalog import ModelSpec
from bot.core.recipe import Recipe
from bot.core.requests import Source
from bot.core.suggestions import suggest

_FEATURES = {
    "image_to_image": "start from a picture",
    "strength": "remix with a strength",
    "negative_prompt": "use a negative prompt",
}
_IMAGE_LIMITS = {
    "too_many_bytes": "That file has {found} bytes; {limit} are allowed.",
    "too_many_pixels": "That picture has {found} pixels; {limit} are allowed.",
    "side_too_long": "That picture is {found} pixels long; a side may have {limit}.",
    "too_many_frames": "That animation has more than {limit} frames.",
    "too_small": "That picture is only {found} pixels wide or high; it takes at least {limit}.",
}
_UNAVAILABLE = {
    "offline": "has not been downloaded yet, and the model hub cannot be reached",
    "not_found": "cannot be found where the catalogue says it is",
    "gated": "asks for a licence to be accepted on its hub page first",
    "pickled": "comes without safetensors weights, and pickled weights can run foreign code",
    "not_text_to_image": "is not a text-to-image model",
    "damaged": "cannot be read; its files look damaged or incomplete",
}
_YOURS = {
    "cancel": "cancel this job",
    "delete": "delete this picture",
    "pick": "pick a tile of this ladder",
    "use": "use this picture",
}
_SECONDS_SHOWN = 90
"""From here on a wait is told in minutes."""


def explain(error: e.AtelierError) -> str:
    """One or two plain sentences for the person who caused `error`, and what to do about it."""
    match error:
        case e.RequestError():
            return _explain_request(error)
        case e.LimitError():
            return _explain_limit(error)
        case e.AccessError():
            return _explain_access(error)
        case e.EngineError():
            return _explain_engine(error)
        case e.RestartError():
            return _explain_restart(error)
        case _:
            return _explain_rest(error)


def _explain_request(error: e.RequestError) -> str:
    match error:
        case e.PromptError(length=0):
            return "The prompt is empty; say what the picture should show."
        case e.PromptError(length=length, limit=limit):
            return f"The prompt has {length:,} characters; {limit:,} are allowed."
        case e.OptionError(option=option, value=value, low=low, high=high, exclusive_low=exclusive):
            span = f"above {low:g} and at most {high:.16g}" if exclusive else f"{low:g} to {high:.16g}"
            return f"`{option}` is {value:.16g}; it takes {span}."
        case e.ChoiceError(option=option, value=value, choices=choices):
            return f"`{option}` is {_quote(value)}; it takes {_either(choices)}."
        case e.SyntaxProblemError(option=option, text=text, expected=expected):
            return f"`{option}` is {_quote(text)}; it takes {expected}."
        case e.StrengthsError():
            return _explain_strengths(error)
        case e.SizeError(width=width, height=height):
            return (
                f"The model cannot make {width}x{height} pictures: each side takes {error.min_side} to "
                f"{error.max_side} pixels in multiples of {error.multiple_of}, together at most "
                f"{error.max_pixels:,} pixels."
            )
        case e.UnknownModelError(name=name, known=known):
            return f"There is no model {_quote(name)} here; there is {_either(known)}."
        case e.UnsupportedError(model=model, feature=feature):
            return f"The model {_quote(model)} cannot {_FEATURES[feature]}; choose another model."
        case e.BadImageError():
            return _explain_image(error)
        case _:
            return _explain_source(error)


def _explain_strengths(error: e.StrengthsError) -> str:
    match error.reason:
        case "not_a_number":
            return f"{_quote(error.value)} is no strength; write numbers such as `0.3 0.5 0.7`."
        case "repeated":
            return f"The strength {error.value} is there twice; each takes its own tile."
        case _:
            return f"A ladder takes {error.low} to {error.high} strengths; that is {error.count}."


def _explain_image(error: e.BadImageError) -> str:
    match error.reason:
        case "empty":
            return "That file is empty."
        case "not_an_image":
            return "That file is not a picture; PNG, JPEG, WebP, GIF, BMP and TIFF are taken."
        case "unsupported_format":
            return f"{error.found} pictures are not taken; PNG, JPEG, WebP, GIF, BMP and TIFF are."
        case "damaged":
            return "That picture cannot be read; the file is damaged or cut off."
        case reason:
            found = f"{error.found:,}" if isinstance(error.found, int) else error.found
            return _IMAGE_LIMITS[reason].format(found=found, limit=f"{error.limit:,}")


def _explain_source(error: e.RequestError) -> str:
    match error:
        case e.NoSourceError():
            return (
                "There is no picture to start from: attach one with `image:`, name one with `source:`, "
                "or use Apps > Remix on a message."
            )
        case e.ManyPicturesError(count=count):
            return f"That message has {count} pictures; use Apps > Remix on it and choose one."
        case e.SourceGoneError(what="message"):
            return "That message is gone, or it has no picture."
        case e.SourceGoneError(what=what, name=name):
            return f"The {what}{f' {name}' if what == 'generation' and name else ''} is no longer there."
        case e.SourceHiddenError():
            return "Discord hides that message from me; use Apps > Remix on it, which hands it over."
        case e.UnknownIdError(text=text):
            return f"{_quote(text)} names no picture; give an id such as `7K3QW9ZD` or a link to a message."
        case e.UnknownJobError():
            return "That job is not on record (any more)."
        case e.JobOverError(status=status):
            return f"That job is over already ({status})."
        case _:
            return "That cannot be done as asked."


def _explain_limit(error: e.LimitError) -> str:
    match error:
        case e.QueueFullError(limit=limit, retry_after=after):
            return f"The queue is full ({limit} jobs); try again in {_duration(after)}."
        case e.TooManyWaitingError(limit=limit, retry_after=after):
            return (
                f"You have {limit} {'job' if limit == 1 else 'jobs'} on the way already, as many as one "
                f"person may; the next is free in {_duration(after)}."
            )
        case e.StoppingError():
            return "The bot is about to restart and takes nothing new; try again in a minute."
        case _:
            return "Not now; try again later."


def _explain_access(error: e.AccessError) -> str:
    match error:
        case e.NotYoursError(action="pick" | "use" as action):
            return f"Only its owner may {_YOURS[action]}."
        case e.NotYoursError(action=action):
            return f"Only its owner or a moderator may {_YOURS[action]}."
        case e.PrivateSourceError():
            return "That picture is private; say `private:True`, so that only you see the answer."
        case e.SourceAccessError():
            return "That picture is in a place that you cannot read, so it cannot be used."
        case e.ChannelNotServedError(channels=channels):
            return (
                f"I answer in {_either(tuple(f'<#{channel}>' for channel in channels), quoted=False)} only."
            )
        case e.BotPermissionError(permissions=permissions, channel_id=channel_id):
            where = f"<#{channel_id}>" if channel_id else "this channel"
            word = "permission" if len(permissions) == 1 else "permissions"
            return f"I lack the {word} {_all(permissions)} in {where}; an admin can grant that."
        case e.ProcessAccessError(pid=pid):
            return f"The bot runs as another user's process ({pid}); stop it as that user."
        case _:
            return "You may not do that here."


def _explain_engine(error: e.EngineError) -> str:
    match error:
        case e.DeviceMemoryError(model=model, width=width, height=height):
            return (
                f"{_quote(model)} ran out of memory at {width}x{height}, also after a smaller try; "
                "ask for a smaller picture."
            )
        case e.ModelUnavailableError(model=model, reason=reason):
            return f"The model {_quote(model)} {_UNAVAILABLE[reason]}."
        case e.UnsafeImageError():
            return "The safety check held the picture back; change the prompt or the seed."
        case e.GenerationError(model=model):
            return f"{_quote(model)} failed on this; the operator finds the reason in the log."
        case e.DeviceLostError():
            return (
                "The graphics device has failed, and the bot must be started again; "
                "what was asked for goes on when it is back."
            )
        case e.EngineStalledError(seconds=seconds):
            return f"The device made no progress for {seconds:.0f} s, so this was given up; try again."
        case e.EngineClosedError():
            return "The bot is shutting down; try again in a minute."
        case _:
            return "The machine could not do that."


def _explain_rest(error: e.AtelierError) -> str:
    match error:
        case e.DiskFullError():
            return "The disk is full, so nothing can be kept; the operator must make room."
        case e.DatabaseBusyError():
            return "The database is busy; try again in a moment."
        case e.DatabaseTooNewError(found=found, known=known):
            return (
                f"The database is of a newer version ({found}) than this program knows ({known}); "
                "update Atelier. It was left untouched."
            )
        case e.DatabaseDamagedError(path=path):
            return f"{path} is not a database, or it is damaged; restore a copy or move it away."
        case e.DatabaseUnusableError(path=path):
            return f"{path} cannot be opened or written to; check whose it is and its permissions."
        case e.DataDirInUseError(path=path):
            return f"Another bot works on {path} already; stop it, or set ATELIER_DATA_DIR to another folder."
        case e.DeliveryError():
            return _explain_delivery(error)
        case e.UnconfirmedError():
            return (
                "This was made, but Discord never confirmed that it showed you the private answer; "
                "it is kept in `/history`."
            )
        case e.DiscordUnreachableError():
            return "Discord cannot be reached; check the connection and try again."
        case e.MissingExtraError(extra=extra):
            return f"That needs an optional part: pip install 'atelier[{extra}]'."
        case e.SettingsError(variable=variable, problem=problem):
            return f"{variable} {problem}."
        case _:
            return "Something went wrong."


def _explain_restart(error: e.RestartError) -> str:
    match error:
        case e.RestartingError():
            return "The bot is restarting; this goes on by itself when it is back."
        case e.CrashedError(crashes=crashes):
            return f"The bot broke down {crashes} times while it made this, so it was given up."
        case e.EarlierError(sentence=sentence):
            return sentence
        case e.UntakenError():
            return "The bot restarted just as you asked; ask once more."
        case _:
            return "The bot was restarted."


def apology(reference: str) -> str:
    """For an error that nobody foresaw; `reference` stands beside the traceback in the log."""
    return f"Sorry, that went wrong on my side. The operator finds it in the log under `{reference}`."


def tell_reading(recipe: Recipe, spec: ModelSpec | None, source: Source | None) -> list[str]:
    """What a model of few words made of the prompts: a sentence each, none where it goes without saying.

    Args:
        spec: the recipe's model; None when it has left the catalogue.
        source: of a remix.
    """
    said: list[str] = []
    lexicon = spec.lexicon if spec else None
    reading = lexicon.read(recipe.prompt, source.given_prompt if source else None) if lexicon else None
    if recipe.model_prompt is not None and not (reading and reading.literal):
        said.append(f"{recipe.model} drew: {recipe.model_prompt}")
    if lexicon and reading and not reading.known and recipe.prompt:
        said.append(
            f"{recipe.model} draws {len(lexicon.objects)} things in {len(lexicon.styles)} styles, such as "
            f"{_all(tuple(suggest(lexicon, '', 3)))}, and this prompt names none of them; for everything "
            "else choose another model."
        )
    if recipe.negative_prompt and not recipe.given_negative_prompt:
        said.append(f"{recipe.model} knows nothing of what the negative prompt names.")
    return said


def _explain_delivery(error: e.DeliveryError) -> str:
    made = "The picture is made and kept in `/history`"
    match error:
        case e.DeliveryError(status=413, size=size, limit=limit) if size > limit:
            return f"{made}, but it is too large for Discord here ({size:,} bytes; {limit:,} are allowed)."
        case e.DeliveryError(status=413, size=size):
            return f"{made}, but its {size:,} bytes are too many for Discord here."
        case e.DeliveryError(status=0):
            return f"{made}, but the connection to Discord broke."
        case _:
            return f"{made}, but Discord did not take it (error {error.status})."


def _quote(text: str) -> str:
    """`text` as inline code: short, and unable to ping or to break out of the code."""
    return f"`{text.replace('`', chr(0x2CB))[:60]}`" if text.strip() else "empty"


def _either(words: tuple[str, ...], *, quoted: bool = True) -> str:
    shown = [f"`{word}`" if quoted else word for word in words]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} or {shown[-1]}"


def _all(words: tuple[str, ...]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _duration(seconds: float) -> str:
    whole = max(1, round(seconds))
    if whole < _SECONDS_SHOWN:
        return f"about {whole} s"
    return f"about {round(whole / 60)} min"
