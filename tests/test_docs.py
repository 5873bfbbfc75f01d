"""What is generated has not drifted from the code."""

from bot.core.catalog import read_catalog
from docs.generate import ENV_EXAMPLE, README, ROOT, env_example, readme


def test_env_example_lists_every_setting_as_the_code_has_it() -> None:
    assert ENV_EXAMPLE.read_text("utf-8") == env_example()


def test_the_tables_in_the_readme_are_those_of_the_commands() -> None:
    text = README.read_text("utf-8")

    assert "<!-- generated: discord -->" in text
    assert readme(text) == text


def test_the_example_catalogue_can_be_read() -> None:
    catalog = read_catalog((ROOT / "models.example.toml").read_text("utf-8"))

    assert catalog.names == ("turbo", "sd15", "sdxl")
