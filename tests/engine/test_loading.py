"""From a hub id or a folder to pipelines."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import (
    AutoPipelineForText2Image,
    DDPMPipeline,
    DDPMScheduler,
    StableDiffusionImg2ImgPipeline,
    StableDiffusionPipeline,
    UNet2DModel,
)
from huggingface_hub import constants
from safetensors.torch import load_file

from bot.core.errors import DeviceMemoryError, ModelUnavailableError
from bot.engine import folders
from bot.engine.loading import LoadedModel, load_model
from bot.engine.options import EngineOptions
from tests.engine import families
from tests.engine.examples import a_spec

OPTIONS = EngineOptions()


@pytest.fixture
def copy(tiny: Path, tmp_path: Path) -> Path:
    """A copy of the tiny model, to be spoilt."""
    return Path(shutil.copytree(tiny, tmp_path / "copy"))


def load(folder: Path | str, **changes: Any) -> LoadedModel:
    return load_model(a_spec(source=folder, **changes), OPTIONS, "cpu")


def refusal(folder: Path | str, **changes: Any) -> ModelUnavailableError:
    with pytest.raises(ModelUnavailableError) as caught:
        load(folder, **changes)
    return caught.value


def pickle_weights(part: Path) -> None:
    file = next(part.glob("*.safetensors"))
    torch.save(load_file(file), part / {"model": "pytorch_model.bin"}.get(file.stem, f"{file.stem}.bin"))
    file.unlink()


def test_the_starter_is_loaded_from_the_package_as_any_folder_is(
    copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folders, "STARTER_FOLDER", copy)

    model = load("builtin:starter")

    assert type(model.text_to_image) is StableDiffusionPipeline
    assert model.revision is None


def test_a_package_without_the_starter_says_that_it_is_not_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folders, "STARTER_FOLDER", tmp_path / "gone")

    assert refusal("builtin:starter").reason == "not_found"


def test_a_home_folder_may_be_written_with_a_tilde(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(copy.parent))

    assert load("~/copy").spec.source == "~/copy"


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_both_pipelines_share_one_copy_of_the_weights_in_the_wanted_dtype(tiny: Path, dtype: str) -> None:
    model = load(tiny, dtype=dtype)

    assert type(model.image_to_image) is StableDiffusionImg2ImgPipeline
    for part in ("unet", "vae", "text_encoder"):
        weights = getattr(model.text_to_image, part)
        assert weights is getattr(model.image_to_image, part)
        assert {p.dtype for p in weights.parameters()} == {getattr(torch, dtype)}


def test_a_family_without_image_to_image_gets_none(tiny: Path, tmp_path: Path) -> None:
    model = load(families.save_pixart(tmp_path / "pixart", tiny))

    assert model.image_to_image is None
    assert not model.capabilities.image_to_image


def test_no_progress_bar_is_shown(tiny: Path, capfd: pytest.CaptureFixture[str]) -> None:
    model = load(tiny)

    for pipeline in (model.text_to_image, model.image_to_image):
        list(pipeline.progress_bar(range(3)))
    assert capfd.readouterr() == ("", "")


def test_a_safety_checker_stays_on_in_both_pipelines(tiny: Path, tmp_path: Path) -> None:
    model = load(families.save_with_safety_checker(tmp_path / "safe", tiny, threshold=2.0))

    assert model.text_to_image.safety_checker is model.image_to_image.safety_checker is not None


def test_a_folder_without_an_index_is_not_found(tmp_path: Path) -> None:
    assert refusal(tmp_path).reason == "not_found"


def test_an_index_that_is_not_json_is_damaged(copy: Path) -> None:
    (copy / "model_index.json").write_text("{", "utf-8")

    assert refusal(copy).reason == "damaged"


@pytest.mark.parametrize("part", ["unet", "text_encoder"])
def test_cut_off_weights_are_damaged(copy: Path, part: str) -> None:
    file = next((copy / part).glob("*.safetensors"))
    file.write_bytes(file.read_bytes()[:1000])

    assert refusal(copy).reason == "damaged"


def test_missing_weights_are_damaged(copy: Path) -> None:
    next((copy / "unet").glob("*.safetensors")).unlink()

    assert refusal(copy).reason == "damaged"


@pytest.mark.parametrize("part", ["unet", "vae", "text_encoder"])
def test_pickled_weights_are_refused(copy: Path, part: str) -> None:
    pickle_weights(copy / part)

    assert refusal(copy).reason == "pickled"


def test_code_that_comes_with_a_model_is_not_run(copy: Path, tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    (copy / "unet" / "mine.py").write_text(f"open({str(ran)!r}, 'w')\nclass Net: ...\n", "utf-8")
    index = json.loads((copy / "model_index.json").read_text("utf-8"))
    index["unet"] = ["mine", "Net"]
    (copy / "model_index.json").write_text(json.dumps(index), "utf-8")

    assert refusal(copy).reason == "damaged"
    assert not ran.exists()


def test_a_pipeline_for_something_else_is_not_text_to_image(tmp_path: Path) -> None:
    unet = UNet2DModel(
        sample_size=8,
        block_out_channels=(8,),
        norm_num_groups=4,
        down_block_types=("DownBlock2D",),
        up_block_types=("UpBlock2D",),
    )
    DDPMPipeline(unet=unet, scheduler=DDPMScheduler()).save_pretrained(tmp_path)

    assert refusal(tmp_path).reason == "not_text_to_image"


def test_a_variant_that_is_not_there_is_refused(tiny: Path) -> None:
    assert refusal(tiny, variant="fp16").reason in {"not_found", "damaged"}


@pytest.mark.filterwarnings("ignore:The `local_dir_use_symlinks` argument:UserWarning")  # diffusers passes it
def test_a_hub_model_that_is_not_cached_is_offline_without_a_network(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))

    assert refusal("someone/some-model").reason == "offline"


@pytest.mark.parametrize("source", ["builtin:other", "/no/such/folder", "a/b/c", "~no-such-user/x"])
def test_what_is_neither_a_folder_nor_a_hub_id_is_not_found(source: str) -> None:
    assert refusal(source).reason == "not_found"


def test_revision_variant_and_safetensors_are_asked_for_and_no_remote_code(
    tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stock = AutoPipelineForText2Image.from_pretrained
    asked: dict[str, Any] = {}

    def from_pretrained(source: str, **options: Any) -> Any:
        asked.update(options, source=source)
        return stock(tiny)

    monkeypatch.setattr(AutoPipelineForText2Image, "from_pretrained", from_pretrained)

    load("owner/repo", revision="abc", variant="fp16")

    assert asked["source"] == "owner/repo"
    assert (asked["revision"], asked["variant"], asked["use_safetensors"]) == ("abc", "fp16", True)
    assert not asked.get("trust_remote_code")


@pytest.mark.parametrize(("asked", "commit"), [(None, "c0ffee"), ("v2", "beef")])
def test_the_commit_that_a_hub_model_was_loaded_from_is_known(
    tiny: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, asked: str | None, commit: str
) -> None:
    cache = tmp_path / "models--owner--repo"
    for name, target in (("main", "c0ffee"), ("v2", "beef")):
        (cache / "refs").mkdir(parents=True, exist_ok=True)
        (cache / "refs" / name).write_text(target, "utf-8")
        (cache / "snapshots" / target).mkdir(parents=True)
        (cache / "snapshots" / target / "model_index.json").touch()
    stock = AutoPipelineForText2Image.from_pretrained
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(AutoPipelineForText2Image, "from_pretrained", lambda *_, **__: stock(tiny))

    assert load("owner/repo", revision=asked).revision == commit
    assert load("owner/other", revision=asked).revision == asked


def test_a_folder_has_no_revision_of_its_own(tiny: Path) -> None:
    assert load(tiny).revision is None


def test_out_of_memory_while_loading_keeps_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def fill(*_: Any, **__: Any) -> None:
        raise torch.OutOfMemoryError

    monkeypatch.setattr(AutoPipelineForText2Image, "from_pretrained", fill)

    with pytest.raises(DeviceMemoryError) as caught:
        load("owner/repo")

    assert (caught.value.model, caught.value.width, caught.value.height) == ("tiny", 64, 64)
    assert caught.value.__cause__ is caught.value.__context__ is None


@pytest.mark.parametrize(
    ("offload", "device", "expected"),
    [
        ("none", "cuda:1", ("to", "cuda:1")),
        ("model", "cuda:1", ("enable_model_cpu_offload", "cuda:1")),
        ("sequential", "cuda:1", ("enable_sequential_cpu_offload", "cuda:1")),
        ("model", "cpu", ("to", "cpu")),
        ("sequential", "mps", ("to", "mps")),
    ],
)
def test_models_are_placed_once_as_the_operator_wants(
    tiny: Path, monkeypatch: pytest.MonkeyPatch, offload: Any, device: str, expected: tuple[str, str]
) -> None:
    calls: list[tuple[str, str]] = []
    monkeypatch.setattr(StableDiffusionPipeline, "to", lambda _, device: calls.append(("to", device)))
    for name in ("enable_model_cpu_offload", "enable_sequential_cpu_offload"):
        monkeypatch.setattr(
            StableDiffusionPipeline, name, lambda _, device, name=name: calls.append((name, device))
        )

    load_model(a_spec(source=tiny), EngineOptions(offload=offload, dtype="float32"), device)

    assert calls == [expected]
