"""Errors as ``application/problem+json`` (RFC 9457), in the reader's language, Vietnamese unless asked otherwise."""

import json
import re
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from lantoa_runtime.errors import AppError, DuplicateKey, Invalid
from lantoa_runtime.http.api import Api
from lantoa_runtime.telemetry import trace_id

log = structlog.get_logger()

LANGUAGES = ("vi", "en")
_WEIGHT = re.compile(r"q=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)")
_MEDIA_TYPE = "application/problem+json"
_VALIDATION_TEXTS = {
    "missing": "field-missing",
    "extra_forbidden": "field-unknown",
    "string_too_long": "text-too-long",
    "string_too_short": "text-too-short",
    "json_invalid": "json-invalid",
    "json_repeats": "name-repeated",
    "json_deep": "json-too-deep",
    "literal_error": "value-not-allowed",
    "enum": "value-not-allowed",
}


class _Kept(dict[str, Any]):
    """Leaves a placeholder standing when its value is missing."""

    def __missing__(self, key: str) -> str:
        return "{" + key + "}"


@cache
def _catalogue(package: str, language: str) -> dict[str, dict[str, str]]:
    file = resources.files(package) / "locales" / f"{language}.json"
    loaded: dict[str, dict[str, str]] = json.loads(file.read_text("utf-8")) if file.is_file() else {}
    return loaded


def language_of(accept: str) -> str:
    """The best liked language of an ``Accept-Language`` header (RFC 9110, 12.5.4) that we have, else Vietnamese."""
    liked = [(_weight(weight), tag.strip().lower()) for tag, _, weight in (p.partition(";") for p in accept.split(","))]
    for weight, tag in sorted(liked, key=lambda one: -one[0]):
        if weight > 0 and tag.split("-")[0] in LANGUAGES:
            return tag.split("-")[0]
    return LANGUAGES[0]


def _weight(written: str) -> float:
    """The ``q=0.5`` after a language; 1 without."""
    match = _WEIGHT.fullmatch(written.strip())
    return float(match.group(1)) if match else 1.0


def text(package: str, language: str, code: str, params: Mapping[str, Any]) -> tuple[str, str]:
    """Title and detail of an error code, from the service's catalogue or the shared one."""
    entry = _catalogue(package, language).get(code) or _catalogue("lantoa_runtime", language).get(code)
    if entry is None:
        entry = _catalogue("lantoa_runtime", language)["unexpected"]
    values = _Kept(params)
    return entry["title"].format_map(values), entry.get("detail", "").format_map(values)


def problem(
    request: Request,
    status: int,
    code: str,
    *,
    retryable: bool = False,
    params: Mapping[str, Any] | None = None,
    errors: list[dict[str, str]] | None = None,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """The answer for one error."""
    language = language_of(request.headers.get("accept-language", ""))
    title, detail = text(request.app.state.package, language, code, params or {})
    body: dict[str, Any] = {
        "type": f"urn:lantoa:error:{code}",
        "title": title,
        "status": status,
        "detail": detail,
        "code": code,
        "retryable": retryable,
        "trace_id": trace_id(),
    }
    if errors:
        body["errors"] = errors
    sent = {"Content-Language": language, **(headers or {})}
    if retryable and status == 503:
        sent["Retry-After"] = "2"
    return JSONResponse(body, status, media_type=_MEDIA_TYPE, headers=sent)


def _validation(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - narrows what Starlette registers by class
    language = language_of(request.headers.get("accept-language", ""))
    errors = []
    for item in error.errors()[:20]:
        code = _VALIDATION_TEXTS.get(item["type"], "value-wrong")
        # A syntax error's place is a character, which no pointer can name.
        location = () if item["type"].startswith("json_") else item["loc"][1 if item["loc"][:1] == ("body",) else 0 :]
        title, _ = text(request.app.state.package, language, code, item.get("ctx", {}))
        errors.append({"pointer": "".join(f"/{_escaped(part)}" for part in location), "message": title})
    return problem(request, 422, "invalid-request", errors=errors)


def _escaped(part: object) -> str:
    """A token of a JSON pointer (RFC 6901). A name may hold half of a surrogate pair, which no answer can."""
    return str(part).encode("utf-8", "replace").decode().replace("~", "~0").replace("/", "~1")


def _app_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, AppError)  # noqa: S101 - narrows what Starlette registers by class
    errors = None
    if isinstance(error, Invalid) and error.pointer:
        language = language_of(request.headers.get("accept-language", ""))
        title, _ = text(request.app.state.package, language, error.code, error.params)
        errors = [{"pointer": error.pointer, "message": title}]
    limited = error.http_status == 429 and "seconds" in error.params
    return problem(
        request,
        error.http_status,
        error.code,
        retryable=error.retryable,
        params=error.params,
        errors=errors,
        headers={"Retry-After": str(error.params["seconds"])} if limited else None,
    )


def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101 - narrows what Starlette registers by class
    if error.status_code == 400:  # FastAPI's for a body that is no text, is nested too deep, has endless numbers.
        return _validation(request, RequestValidationError([{"type": "json_invalid", "loc": ("body",)}]))
    codes = {404: "no-such-address", 405: "method-not-allowed", 413: "body-too-large", 415: "not-json"}
    headers = dict(error.headers or {})
    if error.status_code == 405 and isinstance(request.app, Api):
        # Starlette tells the methods of the first route at this address, Allow is to name all (RFC 9110, 10.2.1).
        methods = request.app.methods_at(request.scope["path"])
        headers |= {"Allow": ", ".join(sorted(methods))} if methods else {}
    return problem(request, error.status_code, codes.get(error.status_code, "unexpected"), headers=headers)


def _duplicate(request: Request, _: Exception) -> JSONResponse:
    return problem(request, 409, "already-exists")


def answer(request: Request, error: AppError) -> JSONResponse:
    """The answer for an error that did not come through the framework."""
    return _app_error(request, error)


def unexpected(request: Request, error: Exception) -> JSONResponse:
    """The answer for an error that nobody foresaw; the log has it whole."""
    log.error("unexpected error", exc_info=error)
    return problem(request, 500, "unexpected")


def install(app: FastAPI, package: str) -> None:
    """Make every error of an application a problem; ``package`` holds ``locales/<language>.json``."""
    app.state.package = package
    app.state.database_errors = ()
    app.add_exception_handler(AppError, _app_error)
    app.add_exception_handler(RequestValidationError, _validation)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(DuplicateKey, _duplicate)
