"""Settings: one sentence that names the variable, or the value."""

from pathlib import Path

import pytest

from bot.core.errors import SettingsError
from bot.core.messages import explain
from bot.settings import Dtype, Settings, load_settings, variable_of


def test_defaults_need_no_environment() -> None:
    settings = load_settings()

    assert settings.data_dir == Path("data")
    assert settings.token is None


def test_the_token_has_discords_name_and_the_rest_the_prefix() -> None:
    names = [variable_of(field) for field in Settings.model_fields]

    assert names[0] == "DISCORD_TOKEN"
    assert all(name.startswith("ATELIER_") for name in names[1:])


def test_values_are_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATELIER_CHANNELS", "123456789012345678, 223456789012345678")
    monkeypatch.setenv("ATELIER_DTYPE", "bfloat16")
    monkeypatch.setenv("DISCORD_TOKEN", "secret")

    settings = load_settings()

    assert settings.channels == (123456789012345678, 223456789012345678)
    assert settings.dtype is Dtype.BFLOAT16
    assert "secret" not in repr(settings)


def test_values_are_read_from_a_dotenv_file(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("ATELIER_QUEUE_LIMIT=7\n")

    assert load_settings().queue_limit == 7


def test_a_dotenv_file_that_is_no_utf8_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes("DISCORD_TOKEN=x".encode("utf-16"))

    with pytest.raises(SettingsError) as caught:
        load_settings()

    assert explain(caught.value).endswith("is not text in UTF-8; save it anew as such.")


def test_an_empty_value_is_no_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATELIER_CATALOG", "")

    assert load_settings().catalog is None


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("ATELIER_QUEUE_LIMIT", "many", "should be a valid integer"),
        ("ATELIER_QUEUE_LIMIT", "0", "should be greater than or equal to 1"),
        ("ATELIER_DEVICE", "tpu", "should be 'auto', 'cuda', 'mps' or 'cpu'"),
        ("ATELIER_CHANNELS", "general", "invalid literal for int()"),
        ("ATELIER_MESSAGE_CONTENT", "perhaps", "should be a valid boolean"),
    ],
)
def test_a_malformed_value_is_one_sentence_that_names_the_variable(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, problem: str
) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(SettingsError) as caught:
        load_settings()

    sentence = explain(caught.value)
    assert sentence.startswith(f"{name} is '{value}'")
    assert problem in sentence
    assert "\n" not in sentence


def test_a_misspelt_variable_is_refused_with_the_right_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATELIER_DATADIR", "elsewhere")

    with pytest.raises(SettingsError) as caught:
        load_settings()

    assert explain(caught.value) == ("ATELIER_DATADIR is not a setting; did you mean ATELIER_DATA_DIR.")
