"""One picture made anew, by a process that may use little memory and little time, and then ends.

`python -m lantoa_content.adapters.webp` reads a JPEG, PNG or WebP file from stdin and writes a line of JSON to stdout:
`{"width", "height"}` with the WebP file after it, or `{"refused": <why>}`. Decoders of pictures are where files bite:
what goes wrong here takes nothing with it.
"""

import io
import json
import resource
import sys
import warnings

from PIL import Image, ImageOps, UnidentifiedImageError

LONGEST_SIDE = 1280
"""Pixels: a page's column on a phone with a fine screen, and half a public board."""
SHORTEST_SIDE = 16
MOST_PIXELS = 40_000_000
QUALITY = 80
_FORMATS = ("JPEG", "PNG", "WEBP")  # By content, whatever the file says to be; a phone's "MPO" is a JPEG.
_MEMORY = 640 * 1024 * 1024
_CPU_SECONDS = 20
_WHITE = (255, 255, 255)


class Refused(Exception):
    """This is no picture that is taken; says which of `kind`, `size`, `broken`."""


def webp(data: bytes) -> tuple[bytes, int, int]:
    """The picture as WebP of at most 1280 pixels a side, upright, on white, and without anything the file said beside:
    place, camera, thumbnails. With its width and height.

    Raises:
        Refused: another kind of file, too many pixels or hardly any, or not to be decoded.
    """
    Image.MAX_IMAGE_PIXELS = MOST_PIXELS
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    try:
        with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
            if image.width * image.height > MOST_PIXELS or min(image.size) < SHORTEST_SIDE:
                raise Refused("size")
            image.thumbnail((LONGEST_SIDE, LONGEST_SIDE), reducing_gap=2.0)
            upright = ImageOps.exif_transpose(image).convert("RGBA")
        # A new picture has nothing of the file's but its dots.
        fresh = Image.new("RGB", upright.size, _WHITE)
        fresh.paste(upright, mask=upright)
    except UnidentifiedImageError as error:
        raise Refused("kind") from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise Refused("size") from error
    except (OSError, ValueError, SyntaxError, MemoryError, EOFError, OverflowError, TypeError, IndexError) as error:
        raise Refused("broken") from error
    made = io.BytesIO()
    fresh.save(made, "WEBP", quality=QUALITY, method=4)
    return made.getvalue(), *fresh.size


def main() -> None:
    """Make one picture."""
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (_CPU_SECONDS, _CPU_SECONDS))
    told: dict[str, str | int]
    try:
        data, width, height = webp(sys.stdin.buffer.read())
        told = {"width": width, "height": height}
    except Refused as refused:
        data, told = b"", {"refused": str(refused)}
    sys.stdout.buffer.write(json.dumps(told).encode() + b"\n" + data)


if __name__ == "__main__":
    main()
