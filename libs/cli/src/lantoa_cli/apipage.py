"""The readable page of an OpenAPI document: plain HTML with one style sheet, no script, nothing from outside."""

import json
import re
from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

from lantoa_cli.openapi import Document, operations

Texts = Mapping[str, Mapping[str, Mapping[str, str]]]
"""Error texts: by language, then code, then `title` and `detail`."""
_REF = "#/components/schemas/"
_BOUNDS = ("minLength", "maxLength", "minItems", "maxItems", "minimum", "maximum", "pattern", "format", "default")

STYLE = """\
:root { color-scheme: light dark; --line: #8885; --soft: #8882; --accent: light-dark(#0b5394, #8ab8f0); }
* { box-sizing: border-box; }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 56rem; margin: 0 auto; padding: 1rem; }
h1 { line-height: 1.2; }
h2 { margin-top: 2.5rem; border-bottom: 2px solid var(--line); }
h3 { font-size: 1rem; margin: 0; overflow-wrap: anywhere; font-family: ui-monospace, monospace; }
a { color: var(--accent); }
code { font-family: ui-monospace, monospace; font-size: .9em; overflow-wrap: anywhere; }
nav ul { list-style: none; padding: 0; columns: 18rem; }
nav li { break-inside: avoid; padding: .3rem 0; overflow-wrap: anywhere; }
article { border: 1px solid var(--line); border-radius: .5rem; padding: .8rem 1rem; margin: 1rem 0; }
h4 { margin: .8rem 0 .2rem; }
dl { margin: 0; }
dt { padding-top: .4rem; }
dd { margin: 0 0 .4rem 1rem; overflow-wrap: anywhere; }
.method { display: inline-block; min-width: 3.6rem; padding: 0 .4rem; border-radius: .3rem; text-align: center;
  background: var(--soft); }
.type { opacity: .8; }
.must { font-weight: 600; }
:target { outline: 2px solid var(--accent); }
"""


def page(document: Document, codes: Iterable[tuple[str, Texts]], source: str) -> str:
    """The page as text. ``codes`` are the error texts by whose they are, ``source`` is where the document lies."""
    groups: dict[str, list[tuple[str, str, Document]]] = {}
    for path, method, operation in operations(document):
        groups.setdefault(operation["tags"][0], []).append((path, method, operation))
    info = document["info"]
    lines = [
        "<!doctype html>",
        '<html lang="en">',
        "<head>",
        '<meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{escape(info['title'])} API</title>",
        '<link rel="stylesheet" href="docs.css">',
        "</head>",
        "<body>",
        f"<h1>{escape(info['title'])} API {escape(info['version'])}</h1>",
        f"<p>{_text(info['description'])}</p>",
        f'<p>For programs: <a href="{source}">{source}</a> (OpenAPI 3.1).</p>',
        '<nav aria-label="Operations">',
    ]
    for tag, found in groups.items():
        lines += [f'<h4><a href="#{_anchor("tag", tag)}">{escape(tag)}</a></h4>', "<ul>"]
        lines += [
            f'<li><a href="#{operation["operationId"]}"><code>{method.upper()} {escape(path)}</code></a></li>'
            for path, method, operation in found
        ]
        lines.append("</ul>")
    lines += ['<p><a href="#errors">Errors</a>, <a href="#schemas">Schemas</a></p>', "</nav>", "<main>"]
    for tag, found in groups.items():
        lines.append(f'<h2 id="{_anchor("tag", tag)}">{escape(tag)}</h2>')
        for path, method, operation in found:
            lines += _operation(path, method, operation)
    lines += _errors(codes)
    lines.append('<h2 id="schemas">Schemas</h2>')
    for name, schema in document["components"]["schemas"].items():
        lines += [f'<article id="{_anchor("schema", name)}">', f"<h3>{escape(name)}</h3>", *_about(schema)]
        lines += [*_fields(schema), "</article>"]
    return "\n".join([*lines, "</main>", "</body>", "</html>", ""])


def _anchor(kind: str, name: str) -> str:
    return f"{kind}-{re.sub('[^A-Za-z0-9]+', '-', name)}"


def _text(text: str) -> str:
    """Escaped, with what stands in backticks as code."""
    return re.sub(r"`+([^`]+)`+", r"<code>\1</code>", escape(text, quote=False))


def _about(node: Mapping[str, Any]) -> list[str]:
    return [f"<p>{_text(part)}</p>" for part in node.get("description", "").split("\n\n") if part]


def _operation(path: str, method: str, operation: Document) -> list[str]:
    lines = [
        f'<article id="{operation["operationId"]}">',
        f'<h3><span class="method">{method.upper()}</span> {escape(path)}</h3>',
        f"<p><strong>{_text(operation['summary'])}</strong></p>",
        *_about(operation),
    ]
    if operation.get("security"):
        lines.append(f"<p>Needs a session and <code>{operation['x-permission']}</code>.</p>")
    if operation.get("parameters"):
        lines += ["<h4>Parameters</h4>", "<dl>"]
        for one in operation["parameters"]:
            lines += _entry(
                one["name"], one["schema"], one.get("required", False), one["in"], one.get("description", "")
            )
        lines.append("</dl>")
    for media_type, content in operation.get("requestBody", {}).get("content", {}).items():
        lines += ["<h4>Body</h4>", f"<p><code>{media_type}</code> {_type(content['schema'])}</p>"]
    lines += ["<h4>Answers</h4>", "<dl>"]
    for status, answer in operation["responses"].items():
        lines += [f"<dt><code>{status}</code></dt>", f"<dd>{_text(answer['description'])}"]
        lines += [
            f"<br><code>{escape(media_type)}</code> {_type(content.get('schema', {}))}"
            for media_type, content in answer.get("content", {}).items()
        ]
        lines.append("</dd>")
    return [*lines, "</dl>", "</article>"]


def _fields(schema: Mapping[str, Any]) -> list[str]:
    if "properties" not in schema:
        return [f"<p>{_type(schema)}</p>"]
    needed = schema.get("required", ())
    lines = ["<dl>"]
    for name, child in schema["properties"].items():
        lines += _entry(name, child, name in needed, "", child.get("description", ""))
    return [*lines, "</dl>"]


def _entry(name: str, schema: Mapping[str, Any], must: bool, place: str, about: str) -> list[str]:
    said = [place] if place else []
    said.append('<span class="must">required</span>' if must else "optional")
    lines = [f'<dt><code>{escape(name)}</code> <span class="type">{_type(schema)}</span>, {", ".join(said)}</dt>']
    bounds = [
        f"{bound} <code>{escape(_value(schema[bound]))}</code>"
        for bound in _BOUNDS
        if schema.get(bound) not in (None, "")
    ]
    if about or bounds:
        lines.append(f"<dd>{' '.join(part for part in (_text(about), ', '.join(bounds)) if part)}</dd>")
    return lines


def _value(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _type(schema: Mapping[str, Any]) -> str:
    """A schema in a few words, as HTML."""
    if "$ref" in schema:
        name = schema["$ref"].removeprefix(_REF)
        return f'<a href="#{_anchor("schema", name)}">{escape(name)}</a>'
    if "anyOf" in schema:
        return " or ".join(_type(part) for part in schema["anyOf"])
    if "const" in schema:
        return f"<code>{escape(_value(schema['const']))}</code>"
    if "enum" in schema:
        return " | ".join(f"<code>{escape(_value(value))}</code>" for value in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_type(schema['items'])}" if schema.get("items") else "list"
    extra = schema.get("additionalProperties")
    if schema.get("type") == "object" and isinstance(extra, Mapping):
        return f"object of {_type(extra)}"
    return escape(str(schema.get("type", "anything")))


def _errors(codes: Iterable[tuple[str, Texts]]) -> list[str]:
    problem = f'<a href="#{_anchor("schema", "Problem")}">Problem</a>'
    lines = [
        '<h2 id="errors">Errors</h2>',
        f"<p>Every error is a {problem} (RFC 9457). <code>code</code> is stable; the texts are Vietnamese,",
        "or English with <code>Accept-Language: en</code>.</p>",
    ]
    for owner, texts in codes:
        lines += [f"<h4>{escape(owner)}</h4>", "<dl>"]
        for code, entry in texts["en"].items():
            lines += [
                f'<dt><code>{escape(code)}</code> <span lang="vi">{escape(texts["vi"][code]["title"])}</span></dt>'
            ]
            lines.append(f"<dd>{escape(' '.join((entry['title'] + '.', entry.get('detail', ''))).strip())}</dd>")
        lines.append("</dl>")
    return lines
