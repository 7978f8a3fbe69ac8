"""The makers of renditions put together: speech, sound, slide, web page."""

import asyncio
from dataclasses import dataclass
from datetime import datetime

from lantoa_calendar.periods import local_day
from lantoa_content.adapters.sound import SoundWorker
from lantoa_content.adapters.speech import SpeechWorker
from lantoa_content.domain.days import written_day
from lantoa_content.domain.item import Item
from lantoa_content.domain.reading import read_aloud
from lantoa_content.domain.slide import board_slide
from lantoa_content.domain.text import plain_sentences
from lantoa_content.domain.webpage import web_page
from lantoa_content.usecases.render import Made

HTML = "text/html; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Renderer:
    """Makes an item's audio with one synthetic voice, its slide and its page. The day shown is that of submission."""

    worker: SpeechWorker
    sound: SoundWorker
    voice: str

    async def make(self, item: Item) -> tuple[Made, ...]:
        """Audio, board slide and web page.

        Raises:
            SpeechFailed, AudioFailed, Unavailable: retryable unless the item itself is at fault.
        """
        text = await asyncio.to_thread(spoken, item.content.title, item.content.body)
        speech = await self.worker.speak(text, self.voice)
        audio = await self.sound.make(speech.pcm, speech.sample_rate)
        slide, page = await asyncio.to_thread(_pages, item)
        return (
            Made("audio", audio.data, audio.media_type, audio.seconds, audio.lufs, speech.voice),
            Made("board", slide.encode(), HTML),
            Made("web", page.encode(), HTML),
        )


def spoken(title: str, body: str) -> str:
    """What the voice is given to read."""
    return read_aloud(" ".join(plain_sentences(f"{title}\n\n{body}")))


def _pages(item: Item) -> tuple[str, str]:
    submitted_at: datetime = item.submitted_at or item.updated_at
    shown = (item.content.title, item.content.body, item.unit.name)
    day = written_day(local_day(submitted_at))
    return board_slide(*shown, day, item.content.language), web_page(*shown, day, item.content.language)
