"""`lantoa contracts`: the files in which the contracts lie open, made from the code and held against it."""

import importlib
import json
from collections.abc import Mapping
from importlib import resources
from pathlib import Path

import typer

from lantoa_cli import apipage, openapi, pages
from lantoa_cli.breaking import breaking
from lantoa_cli.layout import checkout
from lantoa_contracts import asyncapi, golden
from lantoa_contracts.catalogue import SERVICES
from lantoa_runtime.http.problems import LANGUAGES

_API = Path("docs/api")
_ASYNCAPI = Path("docs/asyncapi")
_PACKAGED = Path("services/gateway/src/lantoa_gateway/api/docs")
"""What the gateway serves: a copy, because an image has no ``docs/``."""


def files(root: Path, services: Mapping[str, openapi.Document]) -> dict[Path, str]:
    """Every generated file under ``root``, by its path from there. ``services`` are the services' OpenAPI documents."""
    platform = openapi.merge(services)
    codes = _error_texts()
    made = {_ASYNCAPI / f"{name}.json": _json(document) for name, document in asyncapi.documents().items()}
    made |= {_API / f"{name}.json": _json(document) for name, document in services.items()}
    for folder, name in ((_API, "platform.json"), (_PACKAGED, "openapi.json")):
        made[folder / name] = _json(platform)
        made[folder / "index.html"] = apipage.page(platform, codes, name)
        made[folder / "docs.css"] = apipage.STYLE
    made[Path("docs/events.md")] = pages.events_page()
    made[Path("docs/policy.md")] = pages.policy_page(services)
    made[Path("docs/third-party.md")] = pages.third_party_page(root)
    return made


def _json(document: object) -> str:
    return json.dumps(document, ensure_ascii=False, indent=1) + "\n"


def _error_texts() -> list[tuple[str, apipage.Texts]]:
    """The error texts of the runtime, which all services share, and of each service that has its own."""
    found: list[tuple[str, apipage.Texts]] = []
    for owner, package in (("every service", "lantoa_runtime"), *((name, f"lantoa_{name}") for name in SERVICES)):
        folder = resources.files(importlib.import_module(package)) / "locales"
        texts = {}
        for language in LANGUAGES:
            file = folder / f"{language}.json"
            texts[language] = json.loads(file.read_text("utf-8")) if file.is_file() else {}
        if texts["en"]:
            found.append((owner, texts))
    return found


def broken(root: Path, services: Mapping[str, openapi.Document]) -> list[str]:
    """What the code breaks for HTTP clients of the checked-in documents, one line each."""
    lines = []
    for name, document in {**services, "platform": openapi.merge(services)}.items():
        file = root / _API / f"{name}.json"
        if file.is_file():
            lines += [f"{name}: {line}" for line in breaking(json.loads(file.read_text("utf-8")), document)]
    return lines


def differences(root: Path, made: Mapping[Path, str]) -> list[str]:
    """Which files are not as the code makes them, and which nobody makes."""
    lines = []
    for path, text in made.items():
        file = root / path
        if not file.is_file():
            lines.append(f"{path} is missing, run write")
        elif file.read_text("utf-8") != text:
            lines.append(f"{path} is not up to date, run write")
    for folder in (_API, _ASYNCAPI, _PACKAGED):
        lines += [
            f"{file.relative_to(root)}: nothing in the code makes it"
            for file in sorted((root / folder).glob("*"))
            if file.relative_to(root) not in made
        ]
    return lines


def check() -> None:
    """Say what in the checked-in contracts differs from the code or breaks who lives by them."""
    services = openapi.documents()
    _tell([*golden.check(), *broken(checkout(), services), *differences(checkout(), files(checkout(), services))])


def write() -> None:
    """Bring the checked-in contracts up to date, unless that would break who lives by them.

    Until a first release a break may be forced by deleting the file that it is measured by.
    """
    services = openapi.documents()
    _tell([*golden.write(), *broken(checkout(), services)])
    for path, text in files(checkout(), services).items():
        (checkout() / path).parent.mkdir(parents=True, exist_ok=True)
        (checkout() / path).write_text(text, "utf-8")


def _tell(lines: list[str]) -> None:
    for line in lines:
        typer.echo(line)
    if lines:
        raise typer.Exit(1)
