"""Pictures that people send: made anew, or refused for what they are."""

import io
import struct
import zlib

import pytest
from PIL import Image

from lantoa_content.adapters.webp import LONGEST_SIDE, Refused, webp


def file(kind, size=(64, 48), mode="RGB", **options):
    made = io.BytesIO()
    Image.new(mode, size, "red").save(made, kind, **options)
    return made.getvalue()


def png_that_says(width, height):
    """A PNG whose head promises so many pixels, and whose body is a few bytes of zeros."""

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    )


def opened(data):
    return Image.open(io.BytesIO(webp(data)[0]))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_every_kind_that_is_taken_becomes_webp(kind):
    data, width, height = webp(file(kind))
    assert data[:4] + data[8:12] == b"RIFFWEBP"
    assert (width, height) == (64, 48)
    assert webp(file(kind)) == (data, width, height)


def test_place_camera_and_thumbnails_stay_behind_and_the_picture_stands_upright():
    exif = Image.Exif()
    exif[0x0112] = 6  # lies on its side
    exif[0x010F] = "SecretCamera"
    exif.get_ifd(0x8825)[2] = (9.0, 52.0, 5.0)  # where it was taken
    data = file("JPEG", (200, 100), exif=exif.tobytes(), icc_profile=b"SecretProfile" * 20, comment=b"SecretNote")
    assert b"SecretCamera" in data
    made = opened(data)
    assert made.size == (100, 200)
    assert not made.getexif()
    assert b"Secret" not in webp(data)[0]
    assert made.info.keys().isdisjoint({"exif", "icc_profile", "xmp"})


def test_a_large_picture_becomes_small_and_what_shines_through_stands_on_white():
    assert max(opened(file("JPEG", (4000, 1000))).size) == LONGEST_SIDE
    clear = io.BytesIO()
    Image.new("RGBA", (40, 40), (0, 0, 0, 0)).save(clear, "PNG")
    assert min(opened(clear.getvalue()).getpixel((20, 20))) > 250


@pytest.mark.parametrize(
    ("why", "data"),
    [
        ("kind", b""),
        ("kind", b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"),
        ("kind", b"<html><script>alert(1)</script>"),
        ("kind", b"%PDF-1.7 not a picture"),
        ("kind", file("GIF", mode="P")),
        ("kind", file("TIFF")),
        ("kind", file("BMP")),
        ("size", png_that_says(50_000, 50_000)),
        ("size", png_that_says(8_000, 8_000)),
        ("size", png_that_says(2_000_000_000, 1)),
        ("size", file("PNG", (15, 400))),
        ("broken", b"\xff\xd8\xff\xe0 says to be a JPEG"),
        ("broken", png_that_says(300, 300)),
        ("broken", file("JPEG", (600, 600))[:900]),
        ("broken", file("PNG")[:60]),
    ],
)
def test_what_is_no_picture_too_large_or_torn_is_refused(why, data):
    with pytest.raises(Refused, match=why):
        webp(data)


def test_a_file_that_is_a_picture_and_a_page_at_once_loses_the_page():
    data = file("JPEG") + b"<script>alert(1)</script>"
    assert b"script" not in webp(data)[0]
