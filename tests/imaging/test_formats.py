import pytest
from PIL import Image

from bot.imaging.formats import DECODERS, gif_frames, jpeg_scans, recognise
from tests.imaging.samples import FORMATS, encode, ramp


def gif(frames: int) -> bytes:
    images = [Image.new("L", (16, 16), i) for i in range(frames)]
    return encode(images[0], "GIF", save_all=True, append_images=images[1:], loop=0, comment=b"hello")


def test_all_accepted_formats_have_a_decoder() -> None:
    assert set(DECODERS) == set(FORMATS)


@pytest.mark.parametrize("name", FORMATS)
def test_pillows_own_files_are_recognised(name: str) -> None:
    assert recognise(encode(ramp(), name)) == name


@pytest.mark.parametrize(("magic"), [b"MM\0*", b"II+\0", b"MM\0+"])
def test_every_kind_of_tiff_is_recognised(magic: bytes) -> None:
    assert recognise(magic + bytes(8)) == "TIFF"


@pytest.mark.parametrize("frames", [1, 2, 7])
def test_the_frames_of_a_gif_are_counted(frames: int) -> None:
    assert gif_frames(gif(frames), limit=10) == frames


def test_counting_the_frames_of_a_gif_stops_behind_the_limit() -> None:
    assert gif_frames(gif(9), limit=4) == 5


def test_a_gif_that_was_cut_off_counts_as_far_as_it_goes() -> None:
    data = gif(3)
    assert gif_frames(data[:-4], limit=10) == 3


def test_stray_bytes_between_the_blocks_of_a_gif_are_passed_over() -> None:
    data = gif(1)
    assert gif_frames(data[:-1] + b"\x05\x06" + data[-1:], limit=10) == 1


def test_the_scans_of_a_jpeg_are_counted() -> None:
    assert jpeg_scans(encode(ramp(), "JPEG")) == 1


def test_a_progressive_jpeg_has_several_scans() -> None:
    assert 5 < jpeg_scans(encode(ramp(), "JPEG", progressive=True)) < 20
