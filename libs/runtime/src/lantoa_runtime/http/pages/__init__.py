"""Public pages made on the server: one look, two languages, no script needed.

A service keeps its templates and their texts in its own package: ``pages/*.html`` (Jinja, extending ``base.html``) and
``pages/{vi,en}.json`` (flat, by key). Errors of page routes are pages too, with the texts of the problem documents.
"""

import hashlib
import json
from collections.abc import Callable, Coroutine, Mapping
from importlib import resources
from typing import Any
from urllib.parse import urlencode

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, Response
from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined, select_autoescape

from lantoa_contracts.policy import PAGE_READ
from lantoa_runtime.errors import AppError, Unavailable
from lantoa_runtime.http.auth import declares
from lantoa_runtime.http.problems import LANGUAGES, language_of, text
from lantoa_runtime.http.routes import LateRoute, Routes

_HERE = "lantoa_runtime.http"


def _texts(package: str, language: str) -> dict[str, str]:
    file = resources.files(package) / "pages" / f"{language}.json"
    loaded: dict[str, str] = json.loads(file.read_text("utf-8")) if file.is_file() else {}
    return loaded


class Pages:
    """The pages of one service under one ``prefix`` such as ``/tin``."""

    def __init__(self, package: str, prefix: str) -> None:
        self._package = package
        self._prefix = prefix
        self._style = (resources.files(_HERE) / "pages" / "pages.css").read_bytes()
        self._version = hashlib.sha256(self._style).hexdigest()[:12]
        self._texts = {language: _texts(_HERE, language) | _texts(package, language) for language in LANGUAGES}
        self._templates = Environment(
            loader=ChoiceLoader([PackageLoader(package, "pages"), PackageLoader(_HERE, "pages")]),
            autoescape=select_autoescape(default=True),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    def router(self, prefix: str | None = None) -> Routes:
        """A router for this service's pages, open to anyone, with the style sheet in it; a page's error is a page.

        With a ``prefix`` of its own it is one for pages at another place, which use the same style sheet.
        """
        pages = self

        class PageRoute(LateRoute):
            def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
                handle = super().get_route_handler()

                async def handled(request: Request) -> Response:
                    try:
                        return await handle(request)
                    except RequestValidationError:
                        return pages.error(request, AppError("invalid-request", 422))
                    except request.app.state.database_errors:
                        return pages.error(request, Unavailable("database"))
                    except AppError as error:
                        return pages.error(request, error)

                return handled

        router = Routes(
            prefix=self._prefix if prefix is None else prefix,
            route_class=PageRoute,
            include_in_schema=False,
            dependencies=[declares(PAGE_READ)],
        )
        if prefix is not None:
            return router

        @router.get("/pages.css")
        async def style() -> Response:
            return Response(
                self._style, media_type="text/css", headers={"Cache-Control": "public, max-age=31536000, immutable"}
            )

        return router

    def language(self, request: Request) -> str:
        """The language of the interface: ``?lang=`` before what the browser asks for."""
        chosen = request.query_params.get("lang", "")
        return chosen if chosen in LANGUAGES else language_of(request.headers.get("accept-language", ""))

    def text(self, request: Request, key: str, **params: object) -> str:
        """A text of the interface.

        Raises:
            KeyError: the catalogues have no such text.
        """
        return self._texts[self.language(request)][key].format_map(params)

    def show(
        self,
        request: Request,
        template: str,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        **values: object,
    ) -> HTMLResponse:
        """A page. Templates see ``t(key, **params)``, ``link(path, **query)``, which keeps the language, and values."""
        language = self.language(request)
        chosen = {"lang": language} if request.query_params.get("lang") in LANGUAGES else {}

        def t(key: str, **params: object) -> str:
            return self._texts[language][key].format_map(params)

        def link(path: str, **query: object) -> str:
            given = {name: str(value) for name, value in query.items() if value not in (None, "")} | chosen
            return f"{path}?{urlencode(given)}" if given else path

        other = "en" if language == "vi" else "vi"
        query = {name: value for name, value in request.query_params.items() if name != "lang"} | {"lang": other}
        html = self._templates.get_template(template).render(
            t=t,
            link=link,
            language=language,
            path=request.url.path,
            other_language=f"{request.url.path}?{urlencode(query)}",
            style=f"{self._prefix}/pages.css?{self._version}",
            **values,
        )
        sent = {"Content-Language": language, "Cache-Control": "no-cache", "Vary": "Accept-Language"}
        return HTMLResponse(html, status, sent | dict(headers or {}))

    def error(self, request: Request, error: AppError) -> HTMLResponse:
        """An error as a page that says what happened and what to do now."""
        title, detail = text(self._package, self.language(request), error.code, error.params)
        headers = {"Retry-After": "2"} if error.retryable and error.http_status == 503 else {}
        shown = {"title": title, "detail": detail, "retryable": error.retryable}
        return self.show(request, "error.html", error.http_status, {"Cache-Control": "no-store"} | headers, **shown)
