"""Foreign errors in our words."""

import inspect
import weakref

import pytest
import torch
from diffusers.pipelines.pipeline_loading_utils import _get_ignore_patterns
from huggingface_hub import errors as hub

from bot.core.errors import DeviceMemoryError, GenerationError, ModelUnavailableError
from bot.engine import faults
from tests.engine.examples import a_spec

# What the hub's errors mean for a model that is being loaded ...
EXPECTED = {
    "GatedRepoError": "gated",
    "RepositoryNotFoundError": "not_found",
    "RevisionNotFoundError": "not_found",
    "DisabledRepoError": "not_found",
    "EntryNotFoundError": "not_found",
    "RemoteEntryNotFoundError": "not_found",
    "HFValidationError": "not_found",
    "LocalEntryNotFoundError": "offline",
    "IncompleteSnapshotError": "offline",
    "OfflineModeIsEnabled": "offline",
    "FileMetadataError": "offline",
    "HfHubHTTPError": "offline",
    "BadRequestError": "offline",
    "RevisionResolutionError": "offline",
    "CachedRepoTreeNotFoundError": "offline",
    "XetDownloadError": "offline",
    "LocalTokenNotFoundError": "gated",
    "HTTPError": "offline",
}
# ... and those of its other services, which no pipeline asks for.
ELSEWHERE = (
    "Inference", "TextGeneration", "Validation", "Generation", "Overloaded", "Incomplete", "Unknown",
    "Sandbox", "Bucket", "Job", "DDUF", "StrictDataclass", "CLI", "Confirmation", "OAuth", "OIDC",
    "DeviceCode", "HfUri", "DryRun", "FileDuplication", "Cache", "Corrupted", "Safetensors",
    "NotASafetensors",
)  # fmt: skip

HUB_ERRORS = {
    name: cls
    for name, cls in inspect.getmembers(hub, inspect.isclass)
    if issubclass(cls, Exception) and (name in EXPECTED or not name.startswith(ELSEWHERE))
}


def bare(cls: type[Exception]) -> Exception:
    """An instance, past a constructor that wants a whole HTTP response."""
    return cls.__new__(cls)


def chained(error: Exception, cause: Exception, *, explicit: bool) -> Exception:
    """`error`, raised while `cause` was handled."""
    error.__cause__ = cause if explicit else None
    error.__context__ = cause
    return error


def reason(error: Exception) -> str:
    fault = faults.loading_fault(error, a_spec())
    assert isinstance(fault, ModelUnavailableError)
    return fault.reason


@pytest.mark.parametrize("name", HUB_ERRORS)
def test_every_error_of_the_hub_has_a_reason(name: str) -> None:
    assert reason(bare(HUB_ERRORS[name])) == EXPECTED[name]


@pytest.mark.parametrize("explicit", [True, False])
def test_the_hub_s_error_is_found_beneath_what_diffusers_made_of_it(explicit: bool) -> None:
    error = chained(OSError("not a valid model identifier"), bare(hub.GatedRepoError), explicit=explicit)

    assert reason(error) == "gated"


def test_the_hub_s_own_word_counts_more_than_its_http_client_s() -> None:
    error = chained(bare(hub.GatedRepoError), bare(hub.HfHubHTTPError.__mro__[1]), explicit=True)

    assert reason(error) == "gated"


@pytest.mark.parametrize("cls", [ConnectionError, TimeoutError, ConnectionResetError])
def test_a_broken_connection_means_offline(cls: type[Exception]) -> None:
    assert reason(cls()) == "offline"


@pytest.mark.parametrize("package", ["requests", "urllib3", "httpx", "httpx2", "httpcore"])
def test_the_network_s_errors_are_known_by_their_package(package: str) -> None:
    cls = type("ConnectError", (Exception,), {"__module__": f"{package}.exceptions"})

    assert reason(chained(OSError(), cls(), explicit=False)) == "offline"


def test_a_repository_with_pickles_only_is_told_apart_by_diffusers_own_sentence() -> None:
    with pytest.raises(OSError, match="safetensors") as caught:
        _get_ignore_patterns(
            passed_components=[],
            model_folder_names=["unet"],
            model_filenames=["unet/diffusion_pytorch_model.bin"],
            use_safetensors=True,
            allow_pickle=False,
            use_onnx=False,
            is_onnx=False,
            use_flashpack=False,
        )

    assert reason(caught.value) == "pickled"


def test_a_missing_variant_is_not_found() -> None:
    error = ValueError("You are trying to load `variant=fp16`, but no such modeling files are available.")

    assert reason(error) == "not_found"


def test_anything_else_means_damaged_and_says_in_one_line_what() -> None:
    fault = faults.loading_fault(ValueError("wrong shape\nhere is a long story"), a_spec())

    assert isinstance(fault, ModelUnavailableError)
    assert (fault.model, fault.reason, fault.detail) == ("tiny", "damaged", "ValueError: wrong shape")


OUT_OF_MEMORY = [
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB"),
    RuntimeError("MPS backend out of memory (MPS allocated: 5 GB)"),
    RuntimeError("[enforce fail] DefaultCPUAllocator: not enough memory: you tried to allocate 9 bytes"),
    RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate"),
    MemoryError(),
    chained(OSError("Unable to load weights"), torch.OutOfMemoryError(), explicit=False),
]


@pytest.mark.parametrize("error", OUT_OF_MEMORY, ids=str)
def test_out_of_memory_is_recognised(error: Exception) -> None:
    assert faults.is_out_of_memory(error)
    assert isinstance(faults.loading_fault(error, a_spec()), DeviceMemoryError)


def test_torch_s_cpu_allocator_still_speaks_as_we_expect() -> None:
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**62, dtype=torch.uint8)

    assert faults.is_out_of_memory(caught.value)


@pytest.mark.parametrize(
    "error", [RuntimeError("shapes differ"), ValueError("out of memory"), OSError()], ids=str
)
def test_other_errors_are_not_taken_for_out_of_memory(error: Exception) -> None:
    assert not faults.is_out_of_memory(error)


def test_a_generation_s_fault_carries_the_model_and_what_happened() -> None:
    fault = faults.generation_fault(RuntimeError("shapes differ"), "tiny")

    assert isinstance(fault, GenerationError)
    assert (fault.model, fault.detail) == ("tiny", "RuntimeError: shapes differ")


def test_release_drops_the_tensors_that_a_traceback_holds() -> None:
    seen: list[weakref.ref[torch.Tensor]] = []

    def fail() -> None:
        tensor = torch.zeros(1)
        seen.append(weakref.ref(tensor))
        raise ValueError

    with pytest.raises(ValueError) as caught:  # noqa: PT011 - it has no message
        fail()
    assert seen[0]() is not None

    faults.release(caught.value)

    assert seen[0]() is None
