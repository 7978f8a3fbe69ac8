"""The slide of a public electronic board: one HTML document that needs nothing but itself."""

from html import escape

from lantoa_content.domain.text import clean, excerpt, shorten, width

TITLE_LIMIT = 140
BODY_LIMIT = 280

_TITLE_SIZES = ((20, "brief"), (36, "short"), (80, "medium"), (TITLE_LIMIT, "long"))
_BODY_SIZES = ((45, "brief"), (90, "short"), (180, "medium"), (BODY_LIMIT + 1, "long"))
# Capitals are wider, and Khmer letters are wider and stand in two storeys: set as if the text were this much longer.
_CAPITALS_FACTOR = 1.3
_KHMER_FACTOR = 1.6
_PICTURE_FACTOR = 2.0  # A picture takes nearly half of the room.

# On a board 1.2 m high, 6 vh are letters of 5 cm: they are read at 20 m. Sizes go by length, so nothing overflows.
_STYLE = """
*{box-sizing:border-box;margin:0;padding:0}
html,body{width:100%;height:100%;overflow:hidden}
body{--u:1vh;display:flex;flex-direction:column;background:#0b2545;color:#fff;
font-family:"Noto Sans","Noto Sans Khmer",sans-serif;line-height:1.32}
body.khmer{line-height:1.6}
header{flex:none;padding:calc(2.6*var(--u)) 5vw calc(2.2*var(--u));background:#081a33;
border-bottom:calc(.7*var(--u)) solid #f2b705;
color:#ffd75e;font-size:calc(4.2*var(--u));font-weight:600;line-height:1.3;letter-spacing:.02em}
main{flex:1;min-height:0;display:flex;flex-direction:column;justify-content:safe center;overflow:hidden;
padding:calc(2*var(--u)) 5vw}
h1{font-weight:700;line-height:1.22;overflow-wrap:anywhere;text-wrap:balance}
.khmer h1{line-height:1.5}
main p{margin-top:calc(3*var(--u));overflow-wrap:anywhere;text-wrap:pretty}
h1.brief{font-size:calc(13.5*var(--u))}
h1.short{font-size:calc(11*var(--u))}
h1.medium{font-size:calc(8.8*var(--u))}
h1.long{font-size:calc(7*var(--u))}
p.brief{font-size:calc(9.6*var(--u))}
p.short{font-size:calc(8*var(--u))}
p.medium{font-size:calc(6.8*var(--u))}
p.long{font-size:calc(5.8*var(--u))}
.pictured main{display:grid;grid-template-columns:minmax(0,1fr) 44%;gap:4vw;align-items:center}
.pictured figure{height:100%;min-height:0}
.pictured img{width:100%;height:100%;object-fit:contain}
footer{flex:none;padding:calc(1.4*var(--u)) 5vw calc(2*var(--u));font-size:calc(3.8*var(--u));color:#c9d6ea}
@media (orientation:portrait){body{--u:.95vw}main{padding:calc(4*var(--u)) 6vw}header,footer{padding-left:6vw;
padding-right:6vw}main p{margin-top:calc(5*var(--u))}
.pictured main{grid-template-columns:minmax(0,1fr);grid-template-rows:minmax(0,1fr) 45%}}
"""


def board_slide(
    title: str, body: str, unit_name: str, date_text: str, language: str, picture: str = "", alt: str = ""
) -> str:
    """A slide for 16:9 and for portrait: who speaks, the title, the start of the body, the date.

    At most 140 signs of title and 280 of body, cut after a sentence; beside a picture half of that. No script, nothing
    loaded from outside, and the same arguments give the same document. `language` is a BCP 47 tag such as "vi" or "km",
    `picture` a `data:` address.
    """
    title = " ".join(clean(title).split())
    beside = _PICTURE_FACTOR if picture else 1.0
    title_factor, body_factor = _factor(title) * beside, _factor(body) * beside
    title = shorten(title, round(TITLE_LIMIT / title_factor))
    text = excerpt(body, round(BODY_LIMIT / body_factor))
    paragraph = f'<p class="{_size(text, _BODY_SIZES, body_factor)}">{escape(text)}</p>\n' if text else ""
    khmer = ["khmer"] if _KHMER_FACTOR * beside in (title_factor, body_factor) else []
    looks = khmer + (["pictured"] if picture else [])
    named = f' class="{" ".join(looks)}"' if looks else ""
    words = f'<h1 class="{_size(title, _TITLE_SIZES, title_factor)}">{escape(title)}</h1>\n{paragraph}'
    if picture:
        shown = f'<figure><img src="{escape(picture)}" alt="{escape(alt)}"></figure>'
        words = f"<div>\n{words}</div>\n{shown}\n"
    return (
        f'<!DOCTYPE html>\n<html lang="{escape(language)}">\n<head>\n<meta charset="utf-8">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; "
        "font-src data: 'self'; img-src data:\">\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n"
        f"<body{named}>\n<header>{escape(clean(unit_name))}</header>\n"
        f"<main>\n{words}</main>\n"
        f"<footer>{escape(clean(date_text))}</footer>\n</body>\n</html>\n"
    )


def _factor(text: str) -> float:
    if any("\u1780" <= sign <= "\u17ff" for sign in text):
        return _KHMER_FACTOR
    capitals = sum(1 for sign in text if sign.isupper())
    return _CAPITALS_FACTOR if capitals * 2 > sum(1 for sign in text if sign.isalpha()) else 1.0


def _size(text: str, sizes: tuple[tuple[int, str], ...], factor: float) -> str:
    length = width(text) * factor
    return next((name for most, name in sizes if length <= most), sizes[-1][1])
