"""The API's description at the door."""

import json


async def test_the_merged_document_is_served_to_anybody(door):
    status, document, headers = await door("GET", "/api/openapi.json")
    assert status == 200
    assert headers["content-type"] == "application/json"
    assert "/api/v1/content/items" in document["paths"]
    assert "/api/v1/directory/sessions/resolve" not in json.dumps(document)


async def test_the_page_and_its_style_are_served_under_the_policy_of_every_page(door):
    status, page, headers = await door("GET", "/api/docs")
    assert status == 200
    assert headers["content-type"] == "text/html; charset=utf-8"
    assert headers["content-security-policy"].startswith("default-src 'self'")
    assert b'href="docs.css"' in page
    status, _, headers = await door("GET", "/api/docs.css")
    assert status == 200
    assert headers["content-type"] == "text/css; charset=utf-8"


async def test_nothing_else_lies_beside_the_page(door):
    status, body, _ = await door("GET", "/api/secrets")
    assert (status, body["code"]) == (404, "no-such-address")
