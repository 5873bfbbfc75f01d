"""Whatever the bytes: a clean picture, or `BadImageError`."""

import warnings
from typing import Final

from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from PIL.ExifTags import IFD, Base

from bot.core.errors import BadImageError
from bot.imaging.ingest import ingest
from bot.imaging.metadata import read_recipe
from bot.imaging.opening import Limits
from tests.imaging.samples import FORMATS, encode, ramp

SMALL: Final = Limits(max_pixels=2**16, max_side=2**12, min_side=1, max_frames=20)
MAGICS: Final = (
    b"\x89PNG\r\n\x1a\n",
    b"\xff\xd8\xff",
    b"RIFF\x20\0\0\0WEBPVP8",
    b"GIF89a",
    b"BM",
    b"II*\0",
    b"MM\0*",
)


def _exif() -> Image.Exif:
    exif = Image.Exif()
    exif[Base.Orientation] = 6
    exif[Base.ImageDescription] = '{"prompt": "a"}'
    exif.get_ifd(IFD.Exif)[Base.UserComment] = b"UNICODE\0" + "a\nSteps: 1".encode("utf-16-be")
    return exif


def _seeds() -> list[bytes]:
    image = ramp(24, 20)
    plain = [encode(image, name) for name in FORMATS]
    rich = [encode(image, name, exif=_exif()) for name in ("PNG", "JPEG", "WEBP", "TIFF")]
    frames = [Image.new("RGB", image.size, colour) for colour in ("red", "blue")]
    moving = [
        encode(image, name, save_all=True, append_images=frames) for name in ("PNG", "WEBP", "GIF", "TIFF")
    ]
    deep = [
        encode(Image.new(mode, (20, 20)), "TIFF") for mode in ("I;16", "F", "CMYK", "LAB", "1", "LA", "RGBA")
    ]
    packed = [encode(image, "TIFF", compression=name) for name in ("tiff_lzw", "tiff_adobe_deflate", "jpeg")]
    others = [
        encode(image.convert("P"), "PNG", transparency=b"\0\x80"),
        encode(image, "JPEG", progressive=True),
        encode(image.convert("CMYK"), "JPEG"),
        encode(image, "WEBP", lossless=True),
        encode(image.convert("P"), "BMP"),
        encode(Image.new("I;16", (20, 20), 9), "PNG", transparency=9),
    ]
    return plain + rich + moving + deep + packed + others


SEEDS: Final = _seeds()


def survives(data: bytes) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # as in production: Pillow warns of odd files, and goes on
        try:
            ingested = ingest(data, SMALL)
        except BadImageError:
            return
        assert ingested == ingest(data, SMALL)
        read_recipe(data)


@given(st.sampled_from((b"", *MAGICS)), st.binary(max_size=400))
def test_random_bytes(magic: bytes, data: bytes) -> None:
    survives(magic + data)


@settings(max_examples=1000)
@given(st.data())
def test_files_with_changed_bytes(data: st.DataObject) -> None:
    file = bytearray(data.draw(st.sampled_from(SEEDS), "file"))
    places = st.tuples(st.integers(0, min(len(file), 400) - 1), st.integers(0, 255))
    for at, value in data.draw(st.lists(places, min_size=1, max_size=6), "changes"):
        file[at] = value
    survives(bytes(file))


@settings(max_examples=300)
@given(st.data())
def test_files_with_bytes_cut_out_or_put_in(data: st.DataObject) -> None:
    file = data.draw(st.sampled_from(SEEDS), "file")
    start = data.draw(st.integers(0, len(file)), "start")
    end = data.draw(st.integers(start, len(file)), "end")
    survives(file[:start] + data.draw(st.binary(max_size=20), "between") + file[end:])


@settings(max_examples=300)
@given(st.data())
def test_files_that_were_cut_off(data: st.DataObject) -> None:
    file = data.draw(st.sampled_from(SEEDS), "file")
    survives(file[: data.draw(st.integers(0, len(file)), "length")])


@settings(max_examples=100)
@given(st.sampled_from(SEEDS), st.sampled_from(SEEDS), st.integers(0, 200))
def test_files_grafted_onto_each_other(head: bytes, tail: bytes, at: int) -> None:
    survives(head[:at] + tail[at:])
