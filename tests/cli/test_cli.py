"""The command line as a person uses it, with the real engine and the model that comes along."""

import json
import shlex
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from PIL import Image

from bot import cli

ROOT = Path(__file__).parents[2]


@dataclass
class Result:
    returncode: int
    stdout: str
    stderr: str


Run = Callable[..., Result]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where all commands of this file are called."""
    return tmp_path_factory.mktemp("cli")


@pytest.fixture
def atelier(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command in this process: importing torch anew for each would take minutes."""

    def run(*arguments: str, **environment: str) -> Result:
        monkeypatch.chdir(folder)
        monkeypatch.setattr("sys.argv", ["atelier", *arguments])
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        with pytest.raises(SystemExit) as ended:
            cli.main()
        assert isinstance(ended.value.code, int)
        return Result(ended.value.code, *capsys.readouterr())

    return run


@pytest.fixture
def apple(atelier: Run, folder: Path) -> Path:
    path = folder / "apple.png"
    if not path.exists():
        result = atelier("imagine", "a red apple", "--seed", "7", "--out", "apple.png")
        assert (result.returncode, result.stderr) == (0, "starter drew: a 3d apple\n")
    return path


def test_the_same_seed_gives_the_same_pixels(atelier: Run, apple: Path, folder: Path) -> None:
    result = atelier("imagine", "a red apple", "--seed", "7", "--out", "again.png", "--json")

    facts = json.loads(result.stdout)
    assert facts["paths"] == ["again.png"]
    assert facts["seed"] == 7
    assert facts["pictures"][0]["prompt"] == "a red apple"
    with Image.open(apple) as first, Image.open(folder / "again.png") as second:
        assert first.tobytes() == second.tobytes()


def test_several_pictures_are_numbered(atelier: Run, folder: Path) -> None:
    result = atelier("imagine", "x", "--count", "2", "--size", "128x256", "--steps", "2", "--out", "two.png")

    assert result.stdout.split() == ["two.png", "two-2.png"]
    with Image.open(folder / "two-2.png") as second:
        assert second.size == (128, 256)


def test_remix_starts_from_a_file_or_from_an_id(atelier: Run, apple: Path) -> None:
    by_file = atelier("remix", str(apple), "a green pear", "--strength", "0.6", "--out", "pear.png", "--json")
    facts = json.loads(by_file.stdout)["pictures"][0]
    assert (facts["strength"], facts["prompt"]) == (0.6, "a green pear")

    by_id = atelier("remix", facts["id"], "--out", "more.png", "--json")
    assert json.loads(by_id.stdout)["pictures"][0]["prompt"] == "a green pear"


def test_ladder_writes_a_sheet(atelier: Run, apple: Path, folder: Path) -> None:
    result = atelier("ladder", str(apple), "a neon apple", "--strengths", "0.3,0.7", "--out", "sheet.png")

    assert result.stdout.split() == ["sheet.png"]
    with Image.open(folder / "sheet.png") as sheet:
        assert sheet.width >= 900


def test_history_lists_the_newest_first(atelier: Run, apple: Path) -> None:
    listed = json.loads(atelier("history", "--json").stdout)["pictures"]

    assert apple.exists()
    assert listed[-1]["prompt"] == "a red apple"


def test_json_has_what_was_asked_for_and_what_was_drawn(atelier: Run) -> None:
    result = atelier("imagine", "a kitten, neon", "--out", "kitten.png", "--json")

    facts = json.loads(result.stdout)["pictures"][0]
    assert (facts["prompt"], facts["model_prompt"]) == ("a kitten, neon", "a neon cat")


def test_what_was_drawn_is_told_beside_the_output(atelier: Run, apple: Path) -> None:
    remixed = atelier("remix", str(apple), "pixel art", "--out", "pixels.png")
    sheet = atelier("ladder", str(apple), "a bridge", "--out", "bridge.png")

    assert (remixed.stdout, remixed.stderr) == ("pixels.png\n", "starter drew: pixel art of an apple\n")
    assert (sheet.stdout, sheet.stderr) == ("bridge.png\n", "starter drew: a 3d apple\n")


def test_a_thing_that_the_model_does_not_know_is_drawn_and_answered_with_what_it_does(atelier: Run) -> None:
    result = atelier("imagine", "a xylophone", "--out", "xylophone.png")

    assert result.stdout == "xylophone.png\n"
    assert result.stderr.startswith("starter draws ")
    assert "this prompt names none of them; for everything else choose another model." in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        ("imagine ' '", "The prompt is empty; say what the picture should show."),
        (f"imagine {'x' * 1001}", "The prompt has 1,001 characters; 1,000 are allowed."),
        ("imagine x --out no.jpg", "`--out` is `no.jpg`; it takes a file name that ends in .png."),
        ("imagine x --out no/no.png", "`--out` is `no/no.png`; it takes a file in a folder that exists."),
        ("imagine x --size big", "`--size` is `big`; it takes width x height in pixels, such as 512x512."),
        ("imagine x --size 65x64", "The model cannot make 65x64 pictures"),
        ("imagine x --model dall-e", "There is no model `dall-e` here; there is `starter`."),
        ("imagine x --steps 1000", "`steps` is 1000; it takes 1 to 100."),
        ("imagine x --seed -1", "Invalid value for '--seed'"),
        (
            "remix nowhere.png",
            "`IMAGE|ID` is `nowhere.png`; it takes a picture file, or an id from the history.",
        ),
        (f"remix {'x' * 300}", "`IMAGE|ID` is `xxx"),
        (f"imagine x --size {'9' * 5000}x64", "`--size` is `999"),
        ("remix apple.png --strength 1.5", "`strength` is 1.5; it takes above 0 and at most 1."),
        ("remix apple.png --strength 0", "`strength` is 0; it takes above 0 and at most 1."),
        ("ladder apple.png x --strengths 0.5,0.5", "The strength 0.5 is there twice"),
        ("paint", "No such command 'paint'."),
    ],
)
def test_bad_input_is_one_sentence_and_writes_nothing(
    atelier: Run, apple: Path, folder: Path, command: str, sentence: str
) -> None:
    words = shlex.split(command)
    result = atelier(words[0], "--out", "no.png", *words[1:])

    assert result.returncode == 2
    assert result.stderr.startswith(sentence)
    assert result.stderr.count("\n") == 1
    assert not (folder / "no.png").exists()
    assert apple.exists()


def test_a_missing_option_is_named(atelier: Run) -> None:
    assert atelier("imagine", "x").stderr == "Missing option '--out'.\n"


def test_run_without_a_token_says_where_to_get_one(atelier: Run) -> None:
    result = atelier("run")

    assert result.returncode == 2
    assert result.stderr.startswith("DISCORD_TOKEN is not set; make an application at https://discord.com")
    assert "`atelier demo` needs none" in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_malformed_setting_is_one_sentence(atelier: Run) -> None:
    result = atelier("history", ATELIER_QUEUE_LIMIT="many")

    assert result.returncode == 2
    assert result.stderr.startswith("ATELIER_QUEUE_LIMIT is 'many'")
    assert result.stderr.count("\n") == 1


def test_doctor_is_content_with_a_fresh_machine(atelier: Run) -> None:
    result = atelier("doctor")

    assert result.returncode == 0, result.stdout
    assert "device: cpu, float32" in result.stdout


def test_doctor_says_what_is_wrong_and_what_to_do(atelier: Run, folder: Path) -> None:
    (folder / "broken").mkdir(exist_ok=True)
    (folder / "broken" / "atelier.sqlite3").write_bytes(b"this is no database, though long enough" * 100)

    result = atelier("doctor", ATELIER_DATA_DIR="broken", DISCORD_TOKEN="client-secret")

    assert result.returncode == 1
    assert "is not a database, or it is damaged" in result.stdout
    assert "it is not the client secret" in result.stdout


def test_the_installed_program_says_a_bad_setting_in_one_sentence_without_a_traceback(folder: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "bot", "history"],
        cwd=folder, env={"PYTHONPATH": str(ROOT), "ATELIER_QUEUE_LIMIT": "many"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert result.returncode == 2
    assert result.stderr.startswith("ATELIER_QUEUE_LIMIT is 'many'")
    assert result.stderr.count("\n") == 1


def test_help_is_quick_because_it_imports_nothing_heavy() -> None:
    result = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "bot", "--help"],
        capture_output=True, text=True, check=True, cwd=ROOT,
    )  # fmt: skip

    imported = {line.rpartition("|")[2].strip().split(".")[0] for line in result.stderr.splitlines()}
    assert (
        imported & {"torch", "diffusers", "transformers", "discord", "PIL", "aiosqlite", "simcord"} == set()
    )
    assert "imagine" in result.stdout
