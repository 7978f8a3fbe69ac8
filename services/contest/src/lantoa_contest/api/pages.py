"""The public pages under ``/thi``. They need no script; what they tell of an attempt they tell its entrant alone."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated
from urllib.parse import parse_qsl, quote

from fastapi import Request
from fastapi.responses import RedirectResponse, Response
from pydantic import ValidationError

from lantoa_calendar.periods import ZONE
from lantoa_contest.api.models import RankingOut, Start, contest_view, paper_view, ranking_view
from lantoa_contest.domain import is_late
from lantoa_contest.usecases.attempts import Attempts, require_open, waits
from lantoa_contest.usecases.contests import Contests
from lantoa_contest.usecases.stored import contest_of
from lantoa_contracts.base import Id
from lantoa_contracts.policy import PAGE_READ
from lantoa_runtime.clock import Clock
from lantoa_runtime.errors import AppError, Conflict, Invalid, NotFound
from lantoa_runtime.http import Caller, Routes, allows
from lantoa_runtime.http.pages import Pages
from lantoa_runtime.http.problems import LANGUAGES, text
from lantoa_runtime.mongo import Document

_PACKAGE = "lantoa_contest"
_PREFIX = "/thi"
_SIGN_IN = "/cong-dan"
_PRIVATE = {"Cache-Control": "no-store"}
_MOST_FIELDS = 60
_PLACES = 20
Visitor = Annotated[Caller, allows(PAGE_READ)]


async def _form(request: Request) -> dict[str, str]:
    """The fields of a form; an empty one when it is none."""
    body = await request.body()
    try:
        return dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS))
    except ValueError:
        return {}


def _place(value: str) -> int:
    """The place that a radio button stands for; -1, which no paper has, for whatever else was sent."""
    return int(value) if len(value) == 1 and value in "0123456789" else -1


def _tail(request: Request) -> str:
    """What keeps the chosen language in an address."""
    chosen = request.query_params.get("lang")
    return f"?lang={chosen}" if chosen in LANGUAGES else ""


def _go(request: Request, path: str) -> Response:
    """See another page of ours."""
    return RedirectResponse(f"{_PREFIX}{path}{_tail(request)}", 303, headers=_PRIVATE)


class _Showing:
    """The pages, with what all of them are given."""

    def __init__(self, contests: Contests, attempts: Attempts, clock: Clock) -> None:
        self.contests = contests
        self.attempts = attempts
        self.clock = clock
        self.pages = Pages(_PACKAGE, _PREFIX)

    def show(self, request: Request, template: str, about: Document, status: int = 200, **values: object) -> Response:
        """A page of one contest that nobody else may see."""
        title = about["title_en" if self.pages.language(request) == "en" else "title"]
        given = {"title": title, "contest_id": about["_id"], "when": self._when(request), **values}
        return self.pages.show(request, template, status, _PRIVATE, **given)

    def _when(self, request: Request) -> object:
        def when(moment: datetime) -> str:
            local = moment.astimezone(ZONE)
            return self.pages.text(request, "when", time=f"{local:%H:%M}", day=f"{local:%d/%m/%Y}")

        return when

    def stop(self, request: Request, contest: Document, error: AppError, receipt: str = "") -> Response:
        """A page that says why it does not go on here, with the way back to the contest."""
        heading, detail = text(_PACKAGE, self.pages.language(request), error.code, error.params)
        known = {"heading": heading, "detail": detail, "receipt": receipt}
        return self.show(request, "stop.html", contest, error.http_status, **known)

    def sign_in(self, request: Request, contest_id: str) -> Response:
        """Sign in by phone and come back to the paper."""
        back = quote(f"{_PREFIX}/{contest_id}/lam-bai{_tail(request)}", safe="")
        language = _tail(request).replace("?", "&")
        return RedirectResponse(f"{_SIGN_IN}?next={back}{language}", 303, headers=_PRIVATE)

    async def paper(
        self, request: Request, contest: Document, attempt: Document, chosen: Sequence[int] = (), status: int = 200
    ) -> Response:
        """The paper; with what was chosen when something of it is missing."""
        questions = paper_view(contest_of(contest), attempt)
        local = attempt["ends_at"].astimezone(ZONE)
        values = {"questions": questions, "chosen": chosen, "ends": f"{local:%H:%M:%S}", "wrong": status != 200}
        return self.show(request, "paper.html", contest, status, **values)

    async def first(self, request: Request, contest: Document, chosen: str = "", status: int = 200) -> Response:
        """What stands before the paper: for which commune or ward?"""
        shaped = contest_of(contest)
        units = await self.attempts.choices_of_unit(shaped)
        values = {"units": units, "chosen": chosen, "wrong": status != 200, "minutes": shaped.minutes}
        return self.show(request, "start.html", contest, status, questions=len(shaped.questions), **values)

    async def next_step(self, request: Request, contest: Document, caller: Caller) -> Response:
        """What stands before this caller now: sign-in, start, paper, or why there is none."""
        now = self.clock.now()
        attempt = await self.attempts.mine(contest, caller) if caller.citizen else None
        if attempt is None:
            require_open(contest_of(contest), now)
            return await self.first(request, contest) if caller.citizen else self.sign_in(request, contest["_id"])
        if attempt["state"] == "sealed":
            return self.stop(request, contest, Conflict("contest.already-taken"), attempt["_id"])
        if is_late(attempt["ends_at"], now):
            raise Conflict("contest.time-over")
        return await self.paper(request, contest, attempt)

    async def begin(self, request: Request, contest: Document, caller: Caller) -> Response:
        """Start the attempt that a form asks for."""
        if not caller.citizen:
            return self.sign_in(request, contest["_id"])
        chosen = (await _form(request)).get("unit_id", "")
        try:
            await self.attempts.start(contest["_id"], caller, Start(unit_id=chosen).unit_id)
        except (Invalid, ValidationError):
            return await self.first(request, contest, chosen, 422)
        return _go(request, f"/{contest['_id']}/lam-bai")

    async def hand_in(self, request: Request, contest: Document, caller: Caller) -> Response:
        """Submit what a form says; answered when the stream has it, or with what is still to come."""
        if not caller.citizen:
            return self.sign_in(request, contest["_id"])
        form = await _form(request)
        choices = [_place(form.get(f"q{number}", "")) for number in range(1, len(contest["questions"]) + 1)]
        try:
            attempt, confirmed = await self.attempts.submit(contest["_id"], caller, choices)
        except Invalid:
            begun = await self.attempts.mine(contest, caller)
            if begun is None:
                raise
            return await self.paper(request, contest, begun, choices, 422)
        if confirmed:
            return _go(request, f"/{contest['_id']}/ket-qua/{attempt['_id']}")
        return self.receipt(request, contest, attempt, confirmed=False)

    def receipt(self, request: Request, contest: Document, attempt: Document, *, confirmed: bool) -> Response:
        """What the entrant holds."""
        accepted = attempt["accepted"]
        seconds = int((attempt["submitted_at"] - attempt["started_at"]).total_seconds())
        values = {"accepted": accepted, "attempt": attempt, "confirmed": confirmed, "taken": divmod(seconds, 60)}
        return self.show(request, "receipt.html", contest, 200 if confirmed else 202, **values)


def page_routes(contests: Contests, attempts: Attempts, clock: Clock) -> Routes:
    """The routes of the pages."""
    showing = _Showing(contests, attempts, clock)
    routes = showing.pages.router()
    _open_pages(routes, showing)
    _entrants_pages(routes, showing)
    return routes


def _open_pages(routes: Routes, showing: _Showing) -> None:
    """What everybody may see."""
    contests, attempts, clock, pages = showing.contests, showing.attempts, showing.clock, showing.pages

    @routes.get("")
    async def listed(request: Request, _: Visitor) -> Response:
        found = await contests.listed(None, 100, None)
        now = clock.now()
        views = [contest_view(document, now) for document in found[0]]
        english = pages.language(request) == "en"
        return pages.show(request, "contests.html", contests=views, english=english, when=showing._when(request))

    @routes.get("/{contest_id}")
    async def one(contest_id: Id, request: Request, caller: Visitor) -> Response:
        document = await contests.published(contest_id)
        view = contest_view(document, clock.now())
        holder = await attempts.units.get(view.unit_id)
        results: RankingOut | None = None
        names: dict[str, str] = {}
        if view.phase == "over":
            results = ranking_view(contest_id, await contests.results(document), _PLACES, final=True)
            below = await attempts.units.collection.find({"path": view.unit_id}, {"name": 1})
            names = {unit["_id"]: unit["name"] for unit in below}
        name = holder["name"] if holder else ""
        return showing.show(request, "contest.html", document, contest=view, holder=name, results=results, names=names)

    @routes.get("/{contest_id}/the-le.json")
    async def rules(contest_id: Id, _: Visitor) -> Response:
        document = await contests.published(contest_id)
        return Response(contest_view(document, clock.now()).rules_document, media_type="application/json")

    @routes.get("/{contest_id}/dap-an.json")
    async def answer_key(contest_id: Id, _: Visitor) -> Response:
        key = contest_view(await contests.published(contest_id), clock.now()).answer_key_document
        if key is None:
            raise NotFound("answer-key")
        return Response(key, media_type="application/json")


def _entrants_pages(routes: Routes, showing: _Showing) -> None:
    """The way of one entrant: start, paper, receipt."""
    contests, attempts = showing.contests, showing.attempts

    @routes.get("/{contest_id}/lam-bai")
    async def paper(contest_id: Id, request: Request, caller: Visitor) -> Response:
        document = await contests.published(contest_id)
        try:
            return await showing.next_step(request, document, caller)
        except Conflict as refused:
            return showing.stop(request, document, refused)

    @routes.get("/{contest_id}/bat-dau")
    async def again(contest_id: Id, request: Request, _: Visitor) -> Response:
        return _go(request, f"/{contest_id}/lam-bai")  # A link or a reload after a form that was not right.

    @routes.post("/{contest_id}/bat-dau")
    async def start(contest_id: Id, request: Request, caller: Visitor) -> Response:
        document = await contests.published(contest_id)
        try:
            return await showing.begin(request, document, caller)
        except Conflict as refused:
            return showing.stop(request, document, refused)

    @routes.post("/{contest_id}/lam-bai")
    async def submit(contest_id: Id, request: Request, caller: Visitor) -> Response:
        document = await contests.published(contest_id)
        try:
            return await showing.hand_in(request, document, caller)
        except Conflict as refused:
            return showing.stop(request, document, refused)

    @routes.get("/{contest_id}/ket-qua/{attempt_id}")
    async def receipt(contest_id: Id, attempt_id: Id, request: Request, caller: Visitor) -> Response:
        document = await contests.published(contest_id)
        if not caller.citizen:
            return showing.sign_in(request, contest_id)
        attempt = await attempts.mine(document, caller)
        if attempt is None or attempt["_id"] != attempt_id or attempt["state"] != "sealed":
            raise NotFound("attempt")
        return showing.receipt(request, document, attempt, confirmed=not waits(attempt))
