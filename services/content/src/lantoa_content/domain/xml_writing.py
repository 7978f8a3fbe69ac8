"""Writing XML that every reader takes."""

import re
from xml.etree import ElementTree as ET

# Whatever is no Char of XML 1.0 (2.2): one such sign anywhere makes the whole document unreadable.
_NO_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def add(parent: ET.Element, name: str, text: str = "", **attributes: str) -> ET.Element:
    """A child with its text and attributes."""
    child = ET.SubElement(parent, name, {key: _NO_XML.sub("", value) for key, value in attributes.items()})
    child.text = _NO_XML.sub("", text) or None
    return child


def written(root: ET.Element) -> bytes:
    """The document in UTF-8 with its declaration."""
    document: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return document
