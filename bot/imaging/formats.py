"""What a file is by its first bytes, before any decoder sees it."""

import re
from typing import Final

from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

# The decoders are called by name and not through `Image.open`, which would first look at the size
# against limits of its own: it warns or raises where we have something better to say.
DECODERS: Final[dict[str, type[ImageFile]]] = {
    "PNG": PngImageFile,
    "JPEG": JpegImageFile,
    "WEBP": WebPImageFile,
    "GIF": GifImageFile,
    "BMP": BmpImageFile,
    "TIFF": TiffImageFile,
}

_SIGNATURES: Final = {
    "PNG": rb"\x89PNG",
    "JPEG": rb"\xff\xd8\xff",
    "WEBP": rb"RIFF....WEBP",
    "GIF": rb"GIF8[79]a",
    # Two letters are too few to go by: byte 14 must be the length of a known DIB header.
    "BMP": rb"BM.{12}[\x0c\x28\x34\x38\x40\x6c\x7c]\0\0\0",
    "TIFF": rb"II[*+]\0|MM\0[*+]",
    # Recognised in order to be refused by name.
    "AVIF": rb"....ftyp(?:avi[fs]|mif1.{4,32}avif)",
    "HEIC": rb"....ftyp(?:he[iv][cxms]|mif1|msf1)",
    "JPEG XL": rb"\xff\x0a|\0\0\0\x0cJXL \r\n\x87\n",
    "JPEG 2000": rb"\xff\x4f\xff\x51|\0\0\0\x0cjP  \r\n\x87\n",
    "ICO": rb"\0\0\x01\0[^\0]",
    "PSD": rb"8BPS",
    "PPM": rb"P[1-6]\s",
    "DDS": rb"DDS ",
    "QOI": rb"qoif",
    "PDF": rb"%PDF-",
    "SVG": rb"(?:\xef\xbb\xbf)?\s*<(?:svg|(?:\?xml|!--|!DOCTYPE).{0,900}<svg)",
}
_FORMATS: Final = {name: re.compile(pattern, re.DOTALL) for name, pattern in _SIGNATURES.items()}
_HEAD: Final = 1024

_GIF_IMAGE, _GIF_EXTENSION, _GIF_END = 0x2C, 0x21, 0x3B

# Start of scan, its length, and how many of at most four components it holds (ITU-T T.81, B.2.3).
_JPEG_SCAN: Final = re.compile(rb"\xff\xda\0(?:\x08\x01|\x0a\x02|\x0c\x03|\x0e\x04)")


def recognise(data: bytes) -> str | None:
    """The format's name (a key of `DECODERS`, or one that we do not take); None when unknown."""
    head = data[:_HEAD]
    return next((name for name, signature in _FORMATS.items() if signature.match(head)), None)


def jpeg_scans(data: bytes) -> int:
    """How many scans a JPEG has: 1, or about 10 when progressive.

    Each scan costs a pass over the whole picture and takes a few bytes, so that a small file could
    keep a processor busy for hours.
    """
    return len(_JPEG_SCAN.findall(data))


def gif_frames(data: bytes, limit: int) -> int:
    """How many frames a GIF has, counted to `limit + 1` at most; cut-off files count as far as they go.

    Walks over the blocks without decoding (Pillow's `n_frames` has no bound). Source: GIF89a, 12-26.
    """
    frames = 0
    try:
        at = 13 + _gif_palette(data[10])
        while frames <= limit and (block := data[at]) != _GIF_END:
            if block == _GIF_IMAGE:
                frames += 1
                at += 11 + _gif_palette(data[at + 9])
            elif block == _GIF_EXTENSION:
                at += 2
            else:
                at += 1  # stray bytes between blocks are passed over, as Pillow does
                continue
            while length := data[at]:
                at += length + 1
            at += 1
    except IndexError:
        pass  # cut off: the decoder will find out whether the first frame is whole
    return frames


def _gif_palette(flags: int) -> int:
    """Bytes of the colour table that `flags` announces."""
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0
