"""Composition root: `serve | migrate | version`."""

from datetime import timedelta

from lantoa_content import api, consumers
from lantoa_content.adapters.darkroom import Darkroom
from lantoa_content.adapters.renderer import Renderer
from lantoa_content.adapters.sound import SoundWorker
from lantoa_content.adapters.speech import SpeechWorker
from lantoa_content.adapters.stranger import WebStranger
from lantoa_content.settings import ContentSettings
from lantoa_content.usecases.confirm import Confirming
from lantoa_content.usecases.desk import Desk, SignInRule
from lantoa_content.usecases.lists import ItemLists
from lantoa_content.usecases.notices import Notices
from lantoa_content.usecases.pictures import Pictures
from lantoa_content.usecases.portal import Portal
from lantoa_content.usecases.posts import Publishing
from lantoa_content.usecases.render import Rendering
from lantoa_content.usecases.search import Indexing
from lantoa_content.usecases.stored import INDEXES
from lantoa_runtime.clock import Clock
from lantoa_runtime.http.conditions import COLLECTION as IDEMPOTENCY
from lantoa_runtime.http.pages import Pages
from lantoa_runtime.mongo import ReadModel
from lantoa_runtime.service import Service, service_main

_LOOK_SECONDS = 10.0
_NOTICES_SECONDS = 5.0
"""How often the public pages look for emergency notices."""
_INDEX_SECONDS = 600.0


def build(service: Service[ContentSettings]) -> None:
    """Hang content's routes, handlers and jobs on the chassis."""
    settings = service.settings
    items = service.aggregates("items")
    units = ReadModel(service.db["units"])
    speech, sound = SpeechWorker(settings.speech_command, settings.speech_seconds), SoundWorker(settings.speech_seconds)
    service.on_stop(sound.close)
    renderer = Renderer(speech, sound, settings.voice, service.blobs)
    rendering = Rendering(items, service.blobs, renderer, service.clock)
    posts = service.aggregates("posts")
    consumers.register(service.bus, units, rendering, Publishing(posts, units, service.blobs, service.clock))
    address = settings.public_url + api.PREFIX
    pictures = Pictures(service.db["pictures"], service.blobs, Darkroom(), service.clock)
    rule = SignInRule(settings.approval_sign_in_minutes, Clock())
    desk, views = Desk(items, units, pictures, service.clock, rule), api.Views(posts.collection, address)
    service.routes(api.reading(desk, ItemLists(items.collection, service.clock), service.blobs, views))
    service.routes(api.writing(desk, service.db[IDEMPOTENCY], views))
    service.routes(api.operating(items, posts, service.clock))
    portal = Portal(posts.collection, units.collection, service.clock)
    stranger = WebStranger(_LOOK_SECONDS)
    service.on_stop(stranger.close)
    notices = Notices(stranger, settings.public_url, service.clock)
    service.every("read emergency notices", _NOTICES_SECONDS, notices)
    service.every("index posts and items", _INDEX_SECONDS, Indexing(posts.collection, items.collection))
    site = api.Site(Pages("lantoa_content", api.PREFIX), portal, notices, settings.public_url)
    api.public_routes(site, service.blobs).add_to(service.app.router)
    backoff, recheck = timedelta(seconds=settings.confirm_seconds), timedelta(seconds=settings.recheck_seconds)
    confirming = Confirming(posts, stranger, address, service.clock, backoff, recheck)
    service.every("confirm posts", settings.confirm_seconds, confirming)


main = service_main("content", ContentSettings, build, indexes=INDEXES)

if __name__ == "__main__":
    main()
