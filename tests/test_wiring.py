"""What the wiring adds to the catalogue: the words of the models that bring a list of them."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from bot.core.errors import SettingsError
from bot.core.messages import explain
from bot.engine import folders
from bot.settings import Settings
from bot.wiring import load_catalog
from tests.core.examples import LEXICON


def catalogue(folder: Path, source: str | Path) -> Settings:
    """Settings with a catalogue of one model from `source`, and of one on the hub."""
    models = {"few": source, "far": "somebody/some-model"}
    text = "".join(f"[[model]]\nname = '{name}'\nsource = '{place}'\n" for name, place in models.items())
    (folder / "models.toml").write_text(text)
    return Settings(catalog=folder / "models.toml")


def test_a_models_words_are_read_from_its_folder(tmp_path: Path) -> None:
    (tmp_path / "lexicon.json").write_text(json.dumps(asdict(LEXICON)))

    assert [spec.lexicon for spec in load_catalog(catalogue(tmp_path, tmp_path))] == [LEXICON, None]


def test_the_starters_words_are_read_from_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folders, "STARTER_FOLDER", tmp_path)
    (tmp_path / "lexicon.json").write_text(json.dumps(asdict(LEXICON)))

    assert load_catalog(catalogue(tmp_path, "builtin:starter")).get().lexicon == LEXICON


@pytest.mark.parametrize("source", [".", "somebody/some-model", "~no-such-user/x"])
def test_a_model_without_such_a_list_has_no_lexicon(tmp_path: Path, source: str) -> None:
    assert load_catalog(catalogue(tmp_path, source)).get().lexicon is None


@pytest.mark.parametrize("content", [b"{}", b"\xff", b"no json"])
def test_a_list_that_cannot_be_read_is_one_sentence_that_names_the_model(
    tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "lexicon.json").write_bytes(content)

    with pytest.raises(SettingsError) as caught:
        load_catalog(catalogue(tmp_path, tmp_path))

    assert explain(caught.value).startswith(
        "ATELIER_CATALOG names the model 'few', whose lexicon.json cannot be read: "
    )
