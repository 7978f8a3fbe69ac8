"""The OpenAPI documents and the pages: as checked in, complete, and nothing in them breaks a client."""

import copy
import json
import os
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from lantoa_cli import openapi
from lantoa_cli.breaking import breaking
from lantoa_cli.contracts import broken, differences, files
from lantoa_contracts.catalogue import SERVICES
from lantoa_contracts.policy import PERMISSIONS

ROOT = Path(__file__).parents[2]
INTERNAL = "/api/v1/directory/sessions/resolve"
ITEM = "/api/v1/content/items/{item_id}"


@pytest.fixture(scope="module")
def services():
    return openapi.documents()


@pytest.fixture(scope="module")
def made(services):
    return files(ROOT, services)


@pytest.fixture(scope="module")
def platform(services):
    return openapi.merge(services)


def test_the_checked_in_contracts_are_as_the_code_makes_them(made):
    assert differences(ROOT, made) == []


def test_nothing_breaks_those_who_live_by_the_checked_in_documents(services):
    assert broken(ROOT, services) == []


def test_what_is_missing_stale_or_made_by_nobody_is_named(made, tmp_path):
    for path, text in made.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    (tmp_path / "docs/events.md").unlink()
    (tmp_path / "docs/api/content.json").write_text("{}")
    (tmp_path / "docs/asyncapi/weather.json").write_text("{}")
    assert differences(tmp_path, made) == [
        "docs/api/content.json is not up to date, run write",
        "docs/events.md is missing, run write",
        "docs/asyncapi/weather.json: nothing in the code makes it",
    ]


def test_the_documents_do_not_depend_on_the_order_of_sets(services):
    code = "import json; from lantoa_cli.openapi import documents; print(json.dumps(documents()))"
    env = {**os.environ, "PYTHONHASHSEED": "7"}
    said = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    assert said.stdout.strip() == json.dumps(services)


@pytest.mark.parametrize("name", SERVICES)
def test_every_operation_says_what_it_does_where_it_belongs_and_how_it_fails(name, services):
    document = services[name]
    for path, method, operation in openapi.operations(document):
        where = f"{method} {path}"
        assert operation["summary"], where
        assert operation["tags"], where
        assert operation["operationId"].startswith(f"{name}_"), where
        assert operation["x-permission"] in PERMISSIONS, where
        for status in ("4XX", "5XX"):
            problem = operation["responses"][status]["content"]["application/problem+json"]["schema"]
            assert problem == {"$ref": "#/components/schemas/Problem"}, where
    assert "code" in document["components"]["schemas"]["Problem"]["required"]
    assert "HTTPValidationError" not in document["components"]["schemas"]


def test_every_operation_is_described_in_a_sentence(services):
    silent = [
        f"{method} {path}"
        for document in services.values()
        for path, method, operation in openapi.operations(document)
        if not operation.get("description")
    ]
    assert silent == []


def test_headers_that_a_change_needs_are_documented_as_required(services):
    paths = services["content"]["paths"]
    for operation, header in (
        (paths[ITEM]["patch"], "if-match"),
        (paths["/api/v1/content/items"]["post"], "idempotency-key"),
    ):
        found = next(parameter for parameter in operation["parameters"] if parameter["name"] == header)
        assert (found["in"], found["required"], found["schema"]) == ("header", True, {"type": "string"})


def test_operation_ids_are_unique_in_the_platform(platform):
    ids = [operation["operationId"] for _, _, operation in openapi.operations(platform)]
    assert len(ids) == len(set(ids))


def test_the_platform_shows_what_the_gateway_lets_through(services, platform):
    assert INTERNAL in services["directory"]["paths"]
    inside = {path for document in services.values() for path in document["paths"]}
    kept_back = tuple(
        f"/api/v1/directory/{what}" for what in ("sign-in", "sessions/", "factors/", "tokens/", "apps/", "citizen/")
    )
    assert set(platform["paths"]) == {path for path in inside if not path.startswith(kept_back)}
    assert platform["paths"][ITEM]["get"]["security"] == [{"session": []}, {"token": []}]
    assert platform["paths"]["/auth/me"]["get"]["security"] == [{"session": []}]
    assert "security" not in platform["paths"]["/api/v1/fleet/enrolments"]["post"]
    assert "security" not in platform["paths"]["/auth/sign-in"]["post"]
    assert "internal" not in json.dumps(platform["components"]["securitySchemes"])


def test_every_reference_in_the_platform_leads_somewhere(platform):
    text = json.dumps(platform)
    refs = {part.split('"')[0] for part in text.split('"#/components/schemas/')[1:]}
    assert refs == set(platform["components"]["schemas"])


def _tiny(schema):
    answer = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/View"}}}}
    operation = {"operationId": "x", "tags": ["x"], "responses": {"200": answer}}
    return {"paths": {f"/{schema['title']}": {"get": operation}}, "components": {"schemas": {"View": schema}}}


def test_a_schema_is_named_for_its_service_only_where_others_have_it_otherwise():
    alike = openapi.merge({"a": _tiny({"title": "same"}), "b": _tiny({"title": "same"})})
    assert list(alike["components"]["schemas"]) == ["View"]
    other = openapi.merge({"a": _tiny({"title": "one"}), "b": _tiny({"title": "two"})})
    assert list(other["components"]["schemas"]) == ["AView", "BView"]


# -- planted faults ----------------------------------------------------------------------------------------------


@pytest.fixture
def content(services):
    return copy.deepcopy(services["content"])


def _schemas(document):
    return document["components"]["schemas"]


def _path_gone(document):
    del document["paths"][ITEM]
    return f"GET {ITEM}: operation was removed"


def _operation_gone(document):
    del document["paths"][ITEM]["patch"]
    return f"PATCH {ITEM}: operation was removed"


def _field_gone_from_the_answer(document):
    del _schemas(document)["ItemOut"]["properties"]["revision"]
    _schemas(document)["ItemOut"]["required"].remove("revision")
    return "revision: field was removed"


def _answer_may_be_null(document):
    _schemas(document)["ItemOut"]["properties"]["title"] = {"anyOf": [{"type": "string"}, {"type": "null"}]}
    return "title: may now be null"


def _answer_field_may_be_missing(document):
    _schemas(document)["ItemOut"]["required"].remove("title")
    return "title: may now be missing"


def _new_required_field(document):
    _schemas(document)["ItemIn"]["properties"]["mood"] = {"type": "string"}
    _schemas(document)["ItemIn"]["required"].append("mood")
    return "mood: new field is required"


def _narrowed_enum(document):
    kind = next(
        one for one in document["paths"][f"{ITEM}/renditions/{{kind}}"]["get"]["parameters"] if one["name"] == "kind"
    )
    kind["schema"]["enum"].remove("audio")
    return "parameter kind: value 'audio' is no longer allowed"


def _shorter_text(document):
    _schemas(document)["ItemIn"]["properties"]["title"]["maxLength"] = 3
    return "title: maxLength was"


def _type_changed(document):
    _schemas(document)["ItemOut"]["properties"]["revision"] = {"type": "string"}
    return "revision: may now be string"


def _required_parameter(document):
    limit = next(
        one for one in document["paths"]["/api/v1/content/items"]["get"]["parameters"] if one["name"] == "limit"
    )
    limit["required"] = True
    return "parameter limit is now required"


def _answer_gone(document):
    responses = document["paths"]["/api/v1/content/items"]["post"]["responses"]
    responses["200"] = responses.pop("201")
    return "answer 201 was removed"


FAULTS = [
    _path_gone,
    _operation_gone,
    _field_gone_from_the_answer,
    _answer_may_be_null,
    _answer_field_may_be_missing,
    _new_required_field,
    _narrowed_enum,
    _shorter_text,
    _type_changed,
    _required_parameter,
    _answer_gone,
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_a_planted_break_is_caught(fault, services, content):
    expected = fault(content)
    lines = breaking(services["content"], content)
    assert any(expected in line for line in lines), lines


def test_what_only_grows_breaks_nobody(services, content):
    content["paths"]["/api/v1/content/new"] = copy.deepcopy(content["paths"]["/api/v1/content/topics"])
    _schemas(content)["ItemOut"]["properties"]["mood"] = {"type": "string"}
    _schemas(content)["ItemOut"]["required"].append("mood")
    _schemas(content)["ItemIn"]["properties"]["mood"] = {"type": "string"}
    _schemas(content)["ItemIn"]["properties"]["title"].pop("maxLength")
    assert breaking(services["content"], content) == []


# -- the page ----------------------------------------------------------------------------------------------------


class _Page(HTMLParser):
    """What a page holds: tags, ids, inner links, what it loads."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.ids, self.links, self.loads, self.styled = set(), [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        self.tags.add(tag)
        self.ids += [found["id"]] if "id" in found else []
        self.styled += [name for name in found if name == "style" or name.startswith("on")]
        if tag == "link" or "src" in found:
            self.loads.append(found.get("href") or found.get("src"))
        elif "href" in found:
            self.links.append(found["href"])


def test_the_page_shows_every_operation_and_loads_nothing_from_elsewhere(made, platform):
    page = _Page(made[Path("services/gateway/src/lantoa_gateway/api/docs/index.html")])
    assert {operation["operationId"] for _, _, operation in openapi.operations(platform)} <= set(page.ids)
    assert page.loads == ["docs.css"]
    assert page.tags.isdisjoint({"script", "style", "iframe", "img"})
    assert page.styled == []
    assert len(page.ids) == len(set(page.ids))
    assert {link[1:] for link in page.links if link.startswith("#")} <= set(page.ids)
    assert [link for link in page.links if not link.startswith("#")] == ["openapi.json"]


def test_licences_are_stated_for_everything_that_is_installed(made):
    text = made[Path("docs/third-party.md")]
    assert "not stated" not in text
    assert "not installed" not in text
    assert "| secantusdb | GPL-2.0" in text
