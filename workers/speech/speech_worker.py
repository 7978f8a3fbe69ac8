#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
#
# This program is free software: you can redistribute it and/or modify it under the terms of the GNU General Public
# License as published by the Free Software Foundation, either version 3 of the License, or (at your option) any later
# version. It comes WITHOUT ANY WARRANTY. See the file LICENSE beside it.
"""Text in, PCM out: one process speaks one text with espeak-ng.

    speech_worker.py --voice vi-vn-x-south --rate 160 < text.txt > speech.pcm

stdin: the text, UTF-8. stdout: one line of JSON `{"sample_rate": 22050, "voice": "vi-vn-x-south"}`, then mono signed
16-bit little-endian PCM. On failure nothing on stdout and one sentence on stderr; exit 2 when the request is at fault
(unknown voice, no text, not UTF-8), 1 when the engine is.

It uses the standard library and the wheel `espeakng_loader` (libespeak-ng and its data), and imports nothing of the
programs that start it.
"""

import argparse
import ctypes
import json
import os
import sys
from pathlib import Path

import espeakng_loader

# Constants of espeak-ng's speak_lib.h.
_AUDIO_OUTPUT_SYNCHRONOUS = 2
_INITIALIZE_DONT_EXIT = 0x8000
_POS_CHARACTER = 1
_CHARS_UTF8 = 1
_END_PAUSE = 0x1000
_PARAMETER_RATE = 1
_RATE_MIN, _RATE_MAX = 80, 450  # words a minute: the bounds that espeak-ng names

_SynthCallback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)


class _Voice(ctypes.Structure):
    """`espeak_VOICE`; `languages` is a list of (priority byte, zero-terminated code), closed by a zero byte."""

    _fields_ = (
        ("name", ctypes.c_char_p),
        ("languages", ctypes.c_void_p),
        ("identifier", ctypes.c_char_p),
        ("gender", ctypes.c_ubyte),
        ("age", ctypes.c_ubyte),
        ("variant", ctypes.c_ubyte),
        ("xx1", ctypes.c_ubyte),
        ("score", ctypes.c_int),
        ("spare", ctypes.c_void_p),
    )


class RequestError(Exception):
    """What was asked cannot be spoken."""


class EngineError(Exception):
    """espeak-ng did not do its work."""


def _load() -> tuple[ctypes.CDLL, int]:
    library = ctypes.CDLL(espeakng_loader.get_library_path())
    library.espeak_Initialize.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_char_p, ctypes.c_int)
    library.espeak_ListVoices.argtypes = (ctypes.c_void_p,)
    library.espeak_ListVoices.restype = ctypes.POINTER(ctypes.POINTER(_Voice))
    library.espeak_SetVoiceByName.argtypes = (ctypes.c_char_p,)
    library.espeak_SetParameter.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_int)
    library.espeak_SetSynthCallback.argtypes = (_SynthCallback,)
    library.espeak_Synth.argtypes = (
        ctypes.c_char_p,
        ctypes.c_size_t,
        ctypes.c_uint,
        ctypes.c_int,
        ctypes.c_uint,
        ctypes.c_uint,
        ctypes.c_void_p,
        ctypes.c_void_p,
    )
    # espeak-ng keeps its data path in 160 bytes and cuts a longer one, so it is given a short relative one.
    os.chdir(Path(espeakng_loader.get_data_path()).parent)
    sample_rate = library.espeak_Initialize(_AUDIO_OUTPUT_SYNCHRONOUS, 0, b".", _INITIALIZE_DONT_EXIT)
    if sample_rate <= 0:
        raise EngineError("espeak-ng could not be initialised with the data of its wheel")
    return library, sample_rate


def _voices(library: ctypes.CDLL) -> set[str]:
    """The language codes that the data has, lower case."""
    found = set()
    listed = library.espeak_ListVoices(None)
    index = 0
    while listed[index]:
        address = listed[index].contents.languages
        while ctypes.c_ubyte.from_address(address).value:
            code = ctypes.string_at(address + 1)
            found.add(code.decode("utf-8").lower())
            address += len(code) + 2
        index += 1
    return found


def speak(text: str, voice: str, rate: int) -> tuple[int, bytes]:
    """Sample rate in Hz and mono s16le PCM of the text. Raises RequestError, EngineError."""
    library, sample_rate = _load()
    # espeak-ng falls back to a similar voice for a name it does not know; a listener would hear another language.
    if voice.lower() not in _voices(library):
        raise RequestError(f"espeak-ng has no voice {voice!r}")
    if library.espeak_SetVoiceByName(voice.lower().encode()) != 0:
        raise EngineError(f"espeak-ng could not load the voice {voice!r}")
    if library.espeak_SetParameter(_PARAMETER_RATE, rate, 0) != 0:
        raise EngineError("espeak-ng refused the rate")

    pcm = bytearray()

    def collect(samples: int | None, count: int, _events: int | None) -> int:
        if samples and count > 0:
            pcm.extend(ctypes.string_at(samples, count * 2))
        return 0

    callback = _SynthCallback(collect)  # held by name: espeak-ng keeps only its address
    library.espeak_SetSynthCallback(callback)
    data = text.encode("utf-8")
    flags = _CHARS_UTF8 | _END_PAUSE
    if library.espeak_Synth(data, len(data) + 1, 0, _POS_CHARACTER, 0, flags, None, None) != 0:
        raise EngineError("espeak-ng failed to speak the text")
    if not pcm:
        raise EngineError("espeak-ng gave no sound")
    return sample_rate, bytes(pcm)


def _rate(value: str) -> int:
    rate = int(value)
    if not _RATE_MIN <= rate <= _RATE_MAX:
        raise argparse.ArgumentTypeError(f"must be {_RATE_MIN} to {_RATE_MAX} words a minute")
    return rate


def main() -> int:
    parser = argparse.ArgumentParser(description="Speaks the text on stdin with espeak-ng, PCM on stdout.")
    parser.add_argument("--voice", default="vi-vn-x-south", help="language code of the voice")
    parser.add_argument("--rate", type=_rate, default=160, help="words a minute")
    options = parser.parse_args()
    try:
        # A zero byte would end the text for espeak-ng.
        text = sys.stdin.buffer.read().decode("utf-8").replace("\0", " ").strip()
        if not text:
            raise RequestError("there is no text to speak")
        sample_rate, pcm = speak(text, options.voice, options.rate)
    except UnicodeDecodeError:
        print("the text is not UTF-8", file=sys.stderr)
        return 2
    except RequestError as error:
        print(error, file=sys.stderr)
        return 2
    except (EngineError, OSError, RuntimeError) as error:
        print(error, file=sys.stderr)
        return 1
    header = json.dumps({"sample_rate": sample_rate, "voice": options.voice})
    sys.stdout.buffer.write(header.encode() + b"\n" + pcm)
    sys.stdout.buffer.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
