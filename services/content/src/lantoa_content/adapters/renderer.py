"""The makers of renditions put together: speech, sound, slide, web page."""

import asyncio
from dataclasses import dataclass
from datetime import datetime

from lantoa_calendar.periods import local_day
from lantoa_content.adapters.sound import SoundWorker
from lantoa_content.adapters.speech import SpeechWorker
from lantoa_content.domain.days import written_day
from lantoa_content.domain.item import Item
from lantoa_content.domain.picture import data_url, on_the_page
from lantoa_content.domain.reading import read_aloud
from lantoa_content.domain.richtext import parts_of
from lantoa_content.domain.slide import board_slide
from lantoa_content.domain.text import plain_sentences
from lantoa_content.domain.webpage import web_page
from lantoa_content.usecases.render import Made
from lantoa_runtime.blobs import Blobs

HTML = "text/html; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Renderer:
    """Makes an item's audio with one synthetic voice, its slide and its page. The day shown is that of submission."""

    worker: SpeechWorker
    sound: SoundWorker
    voice: str
    blobs: Blobs

    async def make(self, item: Item) -> tuple[Made, ...]:
        """Audio, board slide and web page.

        Raises:
            SpeechFailed, AudioFailed, Unavailable: retryable unless the item itself is at fault.
        """
        text = await asyncio.to_thread(spoken, item.content.title, item.content.body)
        speech = await self.worker.speak(text, self.voice)
        audio = await self.sound.make(speech.pcm, speech.sample_rate)
        first = next(iter(item.content.pictures), None)
        picture = await self.blobs.get(first.sha256) if first else b""
        slide, page = await asyncio.to_thread(_pages, item, picture)
        return (
            Made("audio", audio.data, audio.media_type, audio.seconds, audio.lufs, speech.voice),
            Made("board", slide.encode(), HTML),
            Made("web", page.encode(), HTML),
        )


def spoken(title: str, body: str) -> str:
    """What the voice is given to read."""
    return read_aloud(" ".join(plain_sentences(f"{title}\n\n{body}")))


def _pages(item: Item, picture: bytes) -> tuple[str, str]:
    """The slide, with the item's first picture where there is one, and the page."""
    submitted_at: datetime = item.submitted_at or item.updated_at
    content = item.content
    shown = (content.title, content.body, item.unit.name, written_day(local_day(submitted_at)), content.language)
    if content.html is None:
        return board_slide(*shown), web_page(*shown)
    parts = parts_of(content.html)
    alt = next((part.alt for part in parts if part.kind == "picture"), "")
    slide = board_slide(*shown, data_url(picture), alt) if picture else board_slide(*shown)
    return slide, web_page(*shown, on_the_page(parts, item.id, content.pictures))
