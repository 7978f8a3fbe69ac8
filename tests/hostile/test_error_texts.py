"""Every error that code can raise has its texts, in both languages, with the values that the texts name."""

import ast
import json
import re
import string
from functools import cache
from importlib import resources
from pathlib import Path

import pytest

from lantoa_cli.openapi import documents, operations

ROOT = Path(__file__).parents[2]
SERVICES = ("alert", "gateway", "directory", "content", "fleet", "broadcast", "signboard", "contest", "reporting")
PACKAGES = {"lantoa_runtime": ROOT / "libs/runtime/src/lantoa_runtime"} | {
    f"lantoa_{name}": ROOT / f"services/{name}/src/lantoa_{name}" for name in SERVICES
}
LANGUAGES = ("vi", "en")
RECORDINGS = {"audio/wav", "audio/x-wav", "audio/wave", "audio/flac", "audio/ogg"}
PICTURES = {"image/jpeg", "image/png", "image/webp"}
SHEETS = {"text/csv", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}
FORMS = {"application/x-www-form-urlencoded"}
"""Words that OAuth's programs send; a file in one is none."""
CAP = {"application/cap+xml", "application/xml", "text/xml"}
FAMILY = {"AppError", "Forbidden", "Conflict", "Invalid"}
"""Errors whose first argument is their code."""


def catalogue(package: str, language: str) -> dict[str, dict[str, str]]:
    file = resources.files(package) / "locales" / f"{language}.json"
    return json.loads(file.read_text("utf-8")) if file.is_file() else {}


@cache
def trees(package: str) -> list[tuple[Path, ast.AST]]:
    return [(file, ast.parse(file.read_text("utf-8"))) for file in sorted(PACKAGES[package].rglob("*.py"))]


@cache
def sources() -> str:
    return "".join(file.read_text("utf-8") for name in PACKAGES for file in PACKAGES[name].rglob("*.py"))


def name_of(call: ast.Call) -> str:
    return call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")


def literals(node: ast.expr) -> set[str]:
    """The texts that an expression can be, as far as it says so."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return {node.value}
    if isinstance(node, ast.IfExp):
        return literals(node.body) | literals(node.orelse)
    return set()


def family(package: str) -> set[str]:
    """The classes of this package that are errors with a code, besides the runtime's."""
    classes = [node for _, tree in trees(package) for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    errors = [one for one in classes if {getattr(base, "id", "") for base in one.bases} & FAMILY]
    # One that makes itself in its own way is told by what it hands to AppError.
    plain = [one for one in errors if not any(getattr(inner, "name", "") == "__init__" for inner in one.body)]
    return FAMILY | {one.name for one in plain}


def first_literals(package: str, names: set[str]) -> set[str]:
    """The texts that these classes are called with first."""
    calls = (node for _, tree in trees(package) for node in ast.walk(tree) if isinstance(node, ast.Call))
    return {text for call in calls if name_of(call) in names and call.args for text in literals(call.args[0])}


def composed(package: str, handler: ast.ExceptHandler) -> set[str]:
    """``f"<service>.{error.code}"`` in a handler, with each code that what is caught there can have."""
    prefix = f"{package.removeprefix('lantoa_')}."
    texts = [node for node in ast.walk(handler) if isinstance(node, ast.JoinedStr)]
    if isinstance(handler.type, ast.Name) and any(literals(text.values[0]) == {prefix} for text in texts):
        return {prefix + code for code in first_literals(package, {handler.type.id})}
    return set()


def told(package: str, node: ast.AST) -> set[str]:
    """Codes at one place of the code."""
    if isinstance(node, ast.ExceptHandler):
        return composed(package, node)
    if isinstance(node, ast.Constant):
        own = rf"{package.removeprefix('lantoa_')}\.[a-z]+(-[a-z]+)*(?<!\.html)"
        return {str(node.value)} if re.fullmatch(own, str(node.value)) else set()
    if isinstance(node, ast.Call) and name_of(node) == "problem" and len(node.args) > 2:
        return literals(node.args[2])
    if isinstance(node, ast.Call) and name_of(node) == "__init__" and node.args:
        return literals(node.args[0])  # super().__init__("code", ...) of an error's own class
    return set()


@cache
def used_codes(package: str) -> set[str]:
    """Codes that a package raises."""
    found = first_literals(package, family(package))
    for _, tree in trees(package):
        for node in ast.walk(tree):
            found |= told(package, node)
    return {code for code in found if re.fullmatch(r"[a-z]+(-[a-z]+)*(\.[a-z]+(-[a-z]+)*)?", code)}


@pytest.mark.parametrize("package", PACKAGES)
def test_both_languages_say_the_same_things_with_the_same_values(package):
    def shape(language: str) -> dict[str, list[tuple[str, list[str]]]]:
        return {
            code: [(part, sorted(placeholders(line))) for part, line in sorted(entry.items())]
            for code, entry in catalogue(package, language).items()
        }

    assert shape("vi") == shape("en")


def placeholders(line: str) -> set[str]:
    return {name for _, name, *_ in string.Formatter().parse(line) if name is not None}


@pytest.mark.parametrize("package", PACKAGES)
def test_every_code_that_is_raised_has_a_text(package):
    known = catalogue(package, "vi").keys() | catalogue("lantoa_runtime", "vi").keys()
    assert sorted(used_codes(package) - known) == []


@pytest.mark.parametrize("package", PACKAGES)
def test_no_text_is_left_that_nothing_raises(package):
    raised = used_codes(package)
    families = tuple(re.findall(r'f"([a-z-]+\.[a-z-]+\.)\{', sources()))  # f"fleet.site.{site}" uses all of them.
    kept = [code for code in catalogue(package, "vi") if code not in raised and not code.startswith(families)]
    stale = [code for code in kept if f'"{code}"' not in sources()]
    assert stale == []


@pytest.mark.parametrize("package", PACKAGES)
def test_whoever_raises_an_error_gives_the_values_that_its_text_names(package):
    shared, own, names = catalogue("lantoa_runtime", "vi"), catalogue(package, "vi"), family(package)
    wanting = []
    for file, tree in trees(package):
        for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
            if name_of(call) not in names or not call.args or any(word.arg is None for word in call.keywords):
                continue
            for code in literals(call.args[0]):
                entry = own.get(code) or shared.get(code) or {}
                needed = {name for line in entry.values() for name in placeholders(line)}
                given = {word.arg for word in call.keywords}
                if name_of(call) in FAMILY and needed - given:
                    wanting.append(f"{file.name}:{call.lineno} {code} {sorted(needed - given)}")
    assert wanting == []


def test_every_text_is_written_in_its_language():
    alike = [
        f"{package} {code} {part}"
        for package in PACKAGES
        for code, entry in catalogue(package, "vi").items()
        for part, line in entry.items()
        if line == catalogue(package, "en").get(code, {}).get(part)
    ]
    assert alike == []


def test_nobody_can_upload_a_file():
    """Media are made by us from an approved text: there is no upload that is passed on as it came.

    A recording for an alert and a picture for an item are decoded and made anew; a spreadsheet of devices and a CAP
    message are only read.
    """
    kinds = {
        kind
        for document in documents().values()
        for _, _, operation in operations(document)
        for kind in operation.get("requestBody", {}).get("content", {})
    }
    assert kinds - RECORDINGS - PICTURES - SHEETS - FORMS - CAP == {"application/json"}
    taken = [
        f"{file.name}:{node.lineno}"
        for package in PACKAGES
        for file, tree in trees(package)
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and node.id == "UploadFile"
    ]
    assert taken == []
