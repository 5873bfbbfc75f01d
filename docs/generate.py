"""Write the generated parts of the documentation anew: `python -m docs.generate`.

`.env.example` comes from `bot/settings.py`, the tables in `README.md` from the commands themselves; a
test fails when they drift.
"""

import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import typer
from discord import app_commands
from discord.ext import commands

from bot import cli
from bot.client import EXTENSIONS
from bot.settings import PREFIX, Settings, variable_of

ROOT: Final = Path(__file__).parent.parent
README: Final = ROOT / "README.md"
ENV_EXAMPLE: Final = ROOT / ".env.example"
_WIDTH: Final = 100


def env_example() -> str:
    """The text of `.env.example`: every setting with its meaning and its default."""
    lines = [
        "# Copy to .env and uncomment what you change. Every setting is here, with its default.",
        f"# The environment wins over this file. An unknown {PREFIX}* name is refused.",
    ]
    for name, field in Settings.model_fields.items():
        lines += ["", *_comment(field.description or "")]
        lines.append(f"#{variable_of(name)}={_plain(field.default)}")
    return "\n".join(lines) + "\n"


def discord_table() -> str:
    """Every Discord command and its options, as a Markdown table."""
    rows = ["| Command | What it does | Options |", "|---|---|---|"]
    for cog in _cogs():
        for command in cog.__cog_app_commands__:
            if isinstance(command, app_commands.Command):
                options = ", ".join(_option(parameter) for parameter in command.parameters)
                rows.append(f"| `/{command.name}` | {command.description} | {options or 'none'} |")
    rows.append("| Apps > Remix | Remix the picture in any message | prompt, strength, which picture |")
    rows.append(
        "| Apps > Ladder | A ladder from the picture in any message | prompt, strengths, which picture |"
    )
    rows.append(
        "| `@Atelier remix strength:0.6 as a neon house` | The same, typed in a reply or a mention "
        '(also `imagine` and `ladder`) | `name:value` or `name:"several words"` |'
    )
    return "\n".join(rows)


def _cogs() -> Iterator[type[commands.Cog]]:
    """Those of the extensions that the bot loads, in that order: a new one cannot be forgotten."""
    for extension in EXTENSIONS:
        for value in vars(importlib.import_module(extension)).values():
            if isinstance(value, type) and issubclass(value, commands.Cog) and value.__module__ == extension:
                yield value


def cli_table() -> str:
    """Every command of the command line, as a Markdown table."""
    rows = ["| Command | What it does |", "|---|---|"]
    group = typer.main.get_command(cli.app)
    listed: dict[str, Any] = getattr(group, "commands")  # noqa: B009 - click's Group, untyped here
    for name, command in listed.items():
        parts = [f"atelier {name}", *(_usage(parameter) for parameter in command.params)]
        usage = " ".join(part for part in parts if part).replace("|", "\\|")
        rows.append(f"| `{usage}` | {command.help} |")
    return "\n".join(rows)


def readme(text: str) -> str:
    """README.md with its generated parts anew."""
    for name, table in (("discord", discord_table()), ("cli", cli_table())):
        begin, end = f"<!-- generated: {name} -->", f"<!-- end: {name} -->"
        pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
        text = pattern.sub(f"{begin}\n{table}\n{end}".replace("\\", r"\\"), text)
    return text


def _option(parameter: app_commands.Parameter) -> str:
    return f"**{parameter.name}**" if parameter.required else parameter.name


def _usage(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        name = parameter.metavar or parameter.name.upper()
        return str(name) if parameter.required else f"[{name}]"
    name = parameter.opts[0]
    if not parameter.is_flag:
        name += f" {parameter.metavar or parameter.name.upper()}"
    elif parameter.secondary_opts:
        name += f"/{parameter.secondary_opts[0]}"
    return name if parameter.required else f"[{name}]"


def _comment(text: str) -> list[str]:
    lines, line = [], "#"
    for word in text.split():
        if len(line) + 1 + len(word) > _WIDTH:
            lines.append(line)
            line = "#"
        line += f" {word}"
    return [*lines, line]


def _plain(value: Any) -> str:
    if value is None or value == ():
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def main() -> None:
    """Write both files."""
    ENV_EXAMPLE.write_text(env_example(), "utf-8")
    README.write_text(readme(README.read_text("utf-8")), "utf-8")


if __name__ == "__main__":
    main()
