"""The web page of an item: one accessible article that needs no script and nothing from outside."""

from html import escape, unescape

from lantoa_content.domain.text import Block, clean, excerpt, parse

_DESCRIPTION_LIMIT = 160
_DESCRIPTION = '<meta name="description" content="'
_ARTICLE_END = b"</article>"

_STYLE = """
body{margin:0;background:#fff;color:#1b1b1b;font:1.125rem/1.65 "Noto Sans","Noto Sans Khmer",system-ui,sans-serif}
article{max-width:42rem;margin:0 auto;padding:1.5rem 1.25rem 3rem}
header{border-bottom:3px solid #f2b705;margin-bottom:1.5rem;padding-bottom:1rem}
h1{margin:.3rem 0 .5rem;font-size:1.75rem;line-height:1.3;color:#0b2545}
h2{margin:2rem 0 .5rem;font-size:1.3rem;line-height:1.35;color:#0b2545}
h3{margin:1.5rem 0 .5rem;font-size:1.125rem;line-height:1.4;color:#0b2545}
p,ul,ol,figure{margin:0 0 1rem}ul,ol{padding-left:1.4rem}
h1,h2,h3,p,li{overflow-wrap:anywhere}
img{max-width:100%;height:auto}
.unit{margin:0;font-weight:600}.date{margin:0;color:#4a4a4a;font-size:1rem}
"""


def web_page(title: str, body: str, unit_name: str, date_text: str, language: str, formatted: str | None = None) -> str:
    """The whole item as an HTML document; its size is that of the text and about two kilobytes.

    The same arguments give the same document, so its hash can be approved and later checked on the public site.
    `language` is a BCP 47 tag such as "vi" or "km". `formatted` is the body as `domain.picture.on_the_page` wrote it.
    """
    title = " ".join(clean(title).split())
    content = "\n".join(_html(block) for block in parse(body)) if formatted is None else formatted
    return (
        f'<!DOCTYPE html>\n<html lang="{escape(language)}">\n<head>\n<meta charset="utf-8">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; "
        "img-src 'self' data:\">\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n"
        f'{_DESCRIPTION}{escape(excerpt(body, _DESCRIPTION_LIMIT))}">\n'
        f"<style>{_STYLE}</style>\n</head>\n<body>\n<main>\n<article>\n"
        f'<header>\n<p class="unit">{escape(clean(unit_name))}</p>\n<h1>{escape(title)}</h1>\n'
        f'<p class="date">{escape(clean(date_text))}</p>\n</header>\n{content}\n</article>\n</main>\n</body>\n</html>\n'
    )


def _html(block: Block) -> str:
    if block.kind == "list":
        return "<ul>\n" + "\n".join(f"<li>{escape(line)}</li>" for line in block.lines) + "\n</ul>"
    tag = "h2" if block.kind == "heading" else "p"
    return f"<{tag}>{escape(block.lines[0])}</{tag}>"


def article_of(page: bytes) -> bytes | None:
    """The one `<article>` of a page, byte for byte; `None` when there is none or more than one."""
    start, end = page.find(b"<article>"), page.find(_ARTICLE_END)
    if page.count(b"<article") != 1 or page.count(_ARTICLE_END) != 1 or not 0 <= start < end:
        return None
    return page[start : end + len(_ARTICLE_END)]


def description_of(page: str) -> str:
    """The page's description, as `web_page` wrote it."""
    start = page.find(_DESCRIPTION)
    end = page.find('">', start)
    return unescape(page[start + len(_DESCRIPTION) : end]) if 0 <= start < end else ""
