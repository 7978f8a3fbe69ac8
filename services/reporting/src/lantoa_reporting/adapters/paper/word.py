"""What python-docx leaves to its caller: drawn rules, tables of exact widths, page fields, a footnote."""

import re
from collections.abc import Sequence
from typing import Any
from xml.sax.saxutils import escape

from docx.document import Document
from docx.enum.text import WD_ALIGN_PARAGRAPH, WD_LINE_SPACING
from docx.opc.constants import CONTENT_TYPE, RELATIONSHIP_TYPE
from docx.opc.packuri import PackURI
from docx.opc.part import Part
from docx.oxml import OxmlElement
from docx.oxml.ns import nsdecls, qn
from docx.section import Section
from docx.shared import Mm, Pt
from docx.table import Table, _Cell, _Row
from docx.text.paragraph import Paragraph
from docx.text.run import Run

FONT = "Times New Roman"
CENTER, LEFT, RIGHT = WD_ALIGN_PARAGRAPH.CENTER, WD_ALIGN_PARAGRAPH.LEFT, WD_ALIGN_PARAGRAPH.RIGHT
JUSTIFY = WD_ALIGN_PARAGRAPH.JUSTIFY
NBSP = "\u00a0"
_TWIPS_PER_MM = 1440 / 25.4
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_FOOTNOTE_SIZE = 10


def clean(text: str) -> str:
    """The text without characters that XML does not allow."""
    return _NOT_XML.sub("", text)


def element(name: str, **attributes: str | int) -> Any:
    """An element of the word processing namespace."""
    made = OxmlElement(f"w:{name}")
    for key, value in attributes.items():
        made.set(qn(f"w:{key}"), str(value))
    return made


def twips(millimetres: float) -> int:
    """Millimetres in twentieths of a point."""
    return round(millimetres * _TWIPS_PER_MM)


def write(
    paragraph: Paragraph, text: str, size: float, *, bold: bool = False, italic: bool = False, whole: bool = False
) -> Run:
    """A run of text; ``whole`` keeps it in one line, whatever its blanks."""
    run = paragraph.add_run(clean(text).replace(" ", NBSP) if whole else clean(text))
    run.font.size = Pt(size)
    # Nothing is said of what is upright and light anyway: a table of a thousand rows is half as long without it.
    if bold:
        run.bold = True
    if italic:
        run.italic = True
    return run


def shape(
    paragraph: Paragraph,
    alignment: WD_ALIGN_PARAGRAPH,
    *,
    before: float = 0,
    after: float = 0,
    first_line_mm: float = 0,
    with_next: bool = False,
) -> Paragraph:
    """Set how a paragraph stands: distances in points, its lines kept together, single spaced."""
    form = paragraph.paragraph_format
    form.alignment, form.space_before, form.space_after = alignment, Pt(before), Pt(after)
    form.line_spacing_rule, form.keep_with_next = WD_LINE_SPACING.SINGLE, with_next
    if first_line_mm:
        form.first_line_indent = Mm(first_line_mm)
    return paragraph


def rule(paragraph: Paragraph, length_mm: float, column_mm: float, *, after: float = 0) -> Paragraph:
    """Make an empty paragraph a drawn line of this length in the middle of a column, clear of the text above."""
    shape(paragraph, CENTER, before=2.5, after=after)
    form = paragraph.paragraph_format
    form.left_indent = form.right_indent = Mm((column_mm - length_mm) / 2)
    form.line_spacing_rule, form.line_spacing = WD_LINE_SPACING.EXACTLY, Pt(3)
    border = element("pBdr")
    border.append(element("top", val="single", sz=6, space=0, color="000000"))
    properties = paragraph._p.get_or_add_pPr()
    properties.insert_element_before(border, "w:shd", "w:tabs", "w:spacing", "w:ind", "w:jc", "w:rPr")
    write(paragraph, "", 2)
    return paragraph


def table(document: Document, rows: int, widths_mm: Sequence[float], *, borders: bool, padding_mm: float) -> Table:
    """A table whose columns have exactly these widths, beginning at the left margin."""
    made: Table = document.add_table(rows, len(widths_mm))
    made.autofit = False
    properties = made._tbl.tblPr
    for old in properties.findall(qn("w:tblW")):
        properties.remove(old)
    properties.append(element("tblW", w=sum(map(twips, widths_mm)), type="dxa"))
    properties.append(element("tblInd", w=0, type="dxa"))
    if borders:
        lines = element("tblBorders")
        for side in ("top", "left", "bottom", "right", "insideH", "insideV"):
            lines.append(element(side, val="single", sz=4, space=0, color="000000"))
        properties.append(lines)
    margins = element("tblCellMar")
    for side, width in (("top", 0), ("left", padding_mm), ("bottom", 0), ("right", padding_mm)):
        margins.append(element(side, w=twips(width), type="dxa"))
    properties.append(margins)
    _in_order(properties)
    for column, width in zip(made.columns, widths_mm, strict=True):
        column.width = Mm(width)
        for cell in column.cells:
            cell.width = Mm(width)
    return made


def _in_order(properties: Any) -> None:
    order = ["tblStyle", "tblW", "jc", "tblInd", "tblBorders", "tblLayout", "tblCellMar", "tblLook"]
    properties[:] = sorted(properties, key=lambda child: order.index(child.tag.rpartition("}")[2]))


def add_row(made: Table, widths_mm: Sequence[float]) -> _Row:
    """A further row with the widths of the others, which no page divides."""
    row: _Row = made.add_row()  # type: ignore[no-untyped-call]  # python-docx left this one out
    for cell, width in zip(row.cells, widths_mm, strict=True):
        cell.width = Mm(width)
    undivided(row)
    return row


def undivided(row: _Row, *, heading: bool = False) -> None:
    """Keep a row on one page; a heading is repeated on each page of its table."""
    properties = row._tr.get_or_add_trPr()
    properties.append(element("cantSplit"))
    if heading:
        properties.append(element("tblHeader"))


def first(cell: _Cell) -> Paragraph:
    """The paragraph with which a cell begins."""
    found: Paragraph = cell.paragraphs[0]
    return found


def page_number(section: Section, size: float) -> None:
    """The number of the page in the middle of the upper margin, but not on the section's first page."""
    section.different_first_page_header_footer = True
    paragraph = shape(section.header.paragraphs[0], CENTER)
    for kind, text in (("begin", None), (None, " PAGE "), ("separate", None), ("shown", "2"), ("end", None)):
        run = write(paragraph, "", size)
        if kind == "shown":
            run.text = text or ""
        elif kind:
            run._r.append(element("fldChar", fldCharType=kind))
        else:
            code = element("instrText")
            code.set(qn("xml:space"), "preserve")
            code.text = text
            run._r.append(code)


def number_from_one(section: Section) -> None:
    """Count the pages of a section from one, as an annex has it."""
    properties = section._sectPr
    for old in properties.findall(qn("w:pgNumType")):
        properties.remove(old)
    properties.insert_element_before(
        element("pgNumType", start=1), "w:cols", "w:vAlign", "w:noEndnote", "w:titlePg", "w:docGrid"
    )


def footnote(document: Document, paragraph: Paragraph, text: str) -> None:
    """The document's one footnote, called at the end of a paragraph."""
    look = f'<w:rFonts w:ascii="{FONT}" w:hAnsi="{FONT}" w:cs="{FONT}"/><w:sz w:val="{2 * _FOOTNOTE_SIZE}"/>'
    mark, size = f'<w:rPr>{look}<w:vertAlign w:val="superscript"/></w:rPr>', f"<w:rPr>{look}</w:rPr>"
    told = (
        '<w:p><w:pPr><w:spacing w:before="0" w:after="0"/></w:pPr>'
        f"<w:r>{mark}<w:footnoteRef/></w:r>"
        f'<w:r>{size}<w:t xml:space="preserve"> {escape(clean(text))}</w:t></w:r></w:p>'
    )
    lines = "".join(
        f'<w:footnote w:type="{kind}" w:id="{number}"><w:p><w:r><w:{kind}/></w:r></w:p></w:footnote>'
        for number, kind in ((-1, "separator"), (0, "continuationSeparator"))
    )
    blob = (
        '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
        f'<w:footnotes {nsdecls("w")}>{lines}<w:footnote w:id="1">{told}</w:footnote></w:footnotes>'
    )
    part = Part(PackURI("/word/footnotes.xml"), CONTENT_TYPE.WML_FOOTNOTES, blob.encode(), document.part.package)
    document.part.relate_to(part, RELATIONSHIP_TYPE.FOOTNOTES)
    run = paragraph.add_run()
    run.font.superscript = True
    run._r.append(element("footnoteReference", id=1))
