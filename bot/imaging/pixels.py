"""Between the core's raw pixels and Pillow's images."""

from io import BytesIO

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from bot.core.jobs import Picture


def to_image(picture: Picture) -> Image.Image:
    """The same pixels as an RGB image."""
    return Image.frombytes("RGB", (picture.width, picture.height), picture.rgb)


def to_picture(image: Image.Image) -> Picture:
    """The same pixels as a `Picture`; `image` must be RGB."""
    return Picture(image.width, image.height, image.tobytes())


def to_png(image: Image.Image, texts: PngInfo | None = None) -> bytes:
    """A PNG of these pixels with these texts only: equal input gives equal bytes."""
    # Pillow writes an image's own ICC profile, EXIF and more from `info`; a bare copy has none.
    bare = Image.frombytes(image.mode, image.size, image.tobytes()) if image.info else image
    out = BytesIO()
    bare.save(out, "PNG", pnginfo=texts)
    return out.getvalue()
