"""What is refused, with which reason."""

import struct
import zlib

import pytest
from PIL import Image

from bot.core.errors import BadImageError
from bot.imaging.ingest import ingest
from bot.imaging.opening import DEFAULT_LIMITS, Limits
from tests.imaging.samples import FORMATS, encode, ramp

Refusal = tuple[str, int | str, int]


def refusal(data: bytes, limits: Limits = DEFAULT_LIMITS) -> Refusal:
    with pytest.raises(BadImageError) as caught:
        ingest(data, limits)
    return caught.value.reason, caught.value.found, caught.value.limit


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width: int, height: int, *chunks: bytes) -> bytes:
    """A PNG whose header says what we like, in 8-bit RGB."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + b"".join(chunks) + chunk(b"IEND", b"")


def webp_canvas(width: int, height: int) -> bytes:
    """An animated WebP of small frames on a canvas that is as large as we like."""
    data = bytearray(animation("WEBP", 2))
    data[24:30] = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return bytes(data)


def animation(name: str, frames: int) -> bytes:
    images = [Image.new("RGB", (16, 16), (i * 20, 0, 0)) for i in range(frames)]
    return encode(images[0], name, save_all=True, append_images=images[1:])


def test_an_empty_file_is_called_empty() -> None:
    assert refusal(b"") == ("empty", 0, 0)


@pytest.mark.parametrize(
    "data",
    [b"MZ\x90\0" + bytes(200), b"\x7fELF" + bytes(200), b"BM and so on, said the text file", b"\0", b"hello"],
    ids=["windows", "linux", "text", "nul", "short"],
)
def test_a_renamed_file_is_not_an_image(data: bytes) -> None:
    assert refusal(data) == ("not_an_image", 0, 0)


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (encode(ramp(), "ICO"), "ICO"),
        (encode(ramp(), "PPM"), "PPM"),
        (encode(ramp(), "AVIF"), "AVIF"),
        (encode(ramp(), "JPEG2000"), "JPEG 2000"),
        (encode(ramp(), "DDS"), "DDS"),
        (encode(ramp(), "PDF"), "PDF"),
        (encode(ramp(), "QOI"), "QOI"),
        (b"8BPS\0\1" + bytes(40), "PSD"),
        (b"\0\0\0\x18ftypheic" + bytes(40), "HEIC"),
        (b"\0\0\0\x1cftypmif1\0\0\0\0mif1avif" + bytes(40), "AVIF"),
        (b"\xff\x0a" + bytes(40), "JPEG XL"),
        (b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>', "SVG"),
        (b"<svg/>", "SVG"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_other_picture_formats_are_refused_by_name(data: bytes, name: str) -> None:
    assert refusal(data) == ("unsupported_format", name, 0)


def test_too_many_bytes_are_refused_before_anything_is_read() -> None:
    assert refusal(b"MZ" + bytes(99), Limits(max_bytes=100)) == ("too_many_bytes", 101, 100)


@pytest.mark.parametrize("name", FORMATS)
def test_a_small_picture_is_refused(name: str) -> None:
    assert refusal(encode(ramp(40, 15), name)) == ("too_small", 15, 16)


@pytest.mark.parametrize("name", FORMATS)
def test_a_long_side_is_refused(name: str) -> None:
    assert refusal(encode(ramp(16, 65), name), Limits(max_side=64)) == ("side_too_long", 65, 64)


@pytest.mark.parametrize("name", FORMATS)
def test_too_many_pixels_are_refused(name: str) -> None:
    assert refusal(encode(ramp(50, 50), name), Limits(max_pixels=2499)) == ("too_many_pixels", 2500, 2499)


def test_a_picture_at_all_limits_is_taken() -> None:
    data = encode(ramp(50, 40))
    limits = Limits(max_bytes=len(data), max_pixels=2000, max_side=50, min_side=40, max_frames=1)
    assert ingest(data, limits).picture.width == 50


def test_thirty_thousand_pixels_are_too_long() -> None:
    assert refusal(png(30000, 30000)) == ("side_too_long", 30000, 16384)


def test_a_bomb_is_refused_by_its_header() -> None:
    assert refusal(png(16000, 16000)) == ("too_many_pixels", 256_000_000, 33_554_432)


def test_a_webp_canvas_over_the_limit_has_too_many_pixels() -> None:
    assert refusal(webp_canvas(16383, 10000)) == ("too_many_pixels", 163_830_000, 33_554_432)


def test_a_canvas_that_pillow_itself_refuses_has_too_many_pixels() -> None:
    assert refusal(webp_canvas(16383, 16383)) == ("too_many_pixels", "more than 33,554,432", 33_554_432)


@pytest.mark.parametrize("kind", [b"zTXt", b"iTXt", b"iCCP"])
def test_a_chunk_that_inflates_hugely_is_damaged(kind: bytes) -> None:
    bomb = zlib.compress(bytes(2**24), 9)
    fields = {b"zTXt": b"k\0\0", b"iTXt": b"k\0\1\0\0\0", b"iCCP": b"k\0\0"}
    assert refusal(png(16, 16, chunk(kind, fields[kind] + bomb))) == ("damaged", "PNG", 0)


def test_pixels_that_inflate_to_more_than_the_picture_are_cut() -> None:
    whole = png(16, 16, chunk(b"IDAT", zlib.compress(bytes(2**24), 9)))
    assert len(ingest(whole).picture.rgb) == 16 * 16 * 3


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("part", [0.3, 0.6])
def test_a_file_that_was_cut_off_is_damaged(name: str, part: float) -> None:
    data = encode(ramp(200, 200), name)
    assert refusal(data[: int(len(data) * part)]) == ("damaged", name, 0)


def test_a_file_without_pixels_is_damaged() -> None:
    assert refusal(png(16, 16)) == ("damaged", "PNG", 0)


@pytest.mark.parametrize("name", ["PNG", "WEBP", "GIF"])
def test_a_long_animation_is_refused(name: str) -> None:
    assert refusal(animation(name, 5), Limits(max_frames=4)) == ("too_many_frames", 5, 4)


@pytest.mark.parametrize("name", ["PNG", "WEBP", "GIF"])
def test_an_animation_at_the_limit_is_taken(name: str) -> None:
    assert ingest(animation(name, 5), Limits(max_frames=5)).picture.width == 16


def test_a_jpeg_of_very_many_scans_is_damaged() -> None:
    data = encode(ramp(), "JPEG", progressive=True)
    scan = data[data.rindex(b"\xff\xda") : -2]
    assert refusal(data[:-2] + scan * 100 + data[-2:]) == ("damaged", "JPEG", 0)


def test_a_progressive_jpeg_is_taken() -> None:
    assert ingest(encode(ramp(), "JPEG", progressive=True)).picture.width == 48
