"""Reads spreadsheets and pages that reports were written as, without what wrote them."""

from __future__ import annotations

import io
import zipfile
from html.parser import HTMLParser
from xml.etree import ElementTree

MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


def sheets(book: bytes) -> dict[str, list[list[str | float]]]:
    """Return the cells of each sheet of a workbook: texts, or numbers as they are stored."""
    with zipfile.ZipFile(io.BytesIO(book)) as archive:
        shared = []
        if "xl/sharedStrings.xml" in archive.namelist():
            root = ElementTree.fromstring(archive.read("xl/sharedStrings.xml"))  # noqa: S314
            shared = ["".join(item.itertext()) for item in root.iter(f"{MAIN}si")]
        names = ElementTree.fromstring(archive.read("xl/workbook.xml"))  # noqa: S314
        found = {}
        for number, sheet in enumerate(names.iter(f"{MAIN}sheet"), 1):
            root = ElementTree.fromstring(  # noqa: S314
                archive.read(f"xl/worksheets/sheet{number}.xml")
            )
            found[sheet.attrib["name"]] = [
                [_cell(cell, shared) for cell in row] for row in root.iter(f"{MAIN}row")
            ]
        return found


def _cell(cell: ElementTree.Element, shared: list[str]) -> str | float:
    if cell.attrib.get("t") == "inlineStr":
        return "".join(cell.itertext())
    value = cell.findtext(f"{MAIN}v", "")
    if cell.attrib.get("t") == "s":
        return shared[int(value)]
    return float(value) if value else ""


class Page(HTMLParser):
    """The tables of a page, by the headings above them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tables: dict[str, list[list[str]]] = {}
        self.drawings = 0
        self._title, self._into = "", ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag == "svg":
            self.drawings += 1
        elif tag == "h2":
            self._title, self._into = "", "h2"
        elif tag == "tr":
            self.tables.setdefault(self._title, []).append([])
        elif tag in ("td", "th"):
            self.tables[self._title][-1].append("")
            self._into = "cell"

    def handle_endtag(self, tag: str) -> None:
        if tag in ("h2", "td", "th"):
            self._into = ""

    def handle_data(self, text: str) -> None:
        if self._into == "h2":
            self._title += text
        elif self._into == "cell":
            self.tables[self._title][-1][-1] += text
