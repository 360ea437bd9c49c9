"""Workbooks made by hand: the least that Excel's format asks for."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any
from xml.sax.saxutils import escape

from tests.worker.data.formats.made import zipped

_TYPES = (
    '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Default Extension="xml" ContentType="application/xml"/>'
    '<Override PartName="/xl/workbook.xml" '
    'ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/></Types>'
)
_RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_STYLES = (
    f'<styleSheet xmlns="{_MAIN}"><cellXfs count="2"><xf numFmtId="0"/><xf numFmtId="22" applyNumberFormat="1"/>'
    "</cellXfs></styleSheet>"
)


def workbook(
    sheets: Mapping[str, Sequence[Sequence[Any]]], written: Mapping[str, str] | None = None, words: Sequence[str] = ()
) -> bytes:
    """A file of Excel's with these sheets; None is an empty cell. Some rows are `written`, and share `words`."""
    members = {
        "[Content_Types].xml": _TYPES,
        "_rels/.rels": _relations({"rId1": ("officeDocument", "xl/workbook.xml")}),
        "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets>'
        + "".join(f'<sheet name="{name}" sheetId="{i}" r:id="rId{i}"/>' for i, name in enumerate(sheets, 1))
        + "</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": _relations(
            {f"rId{i}": ("worksheet", f"worksheets/sheet{i}.xml") for i in range(1, len(sheets) + 1)}
            | {"rId0": ("styles", "styles.xml"), "rIdWords": ("sharedStrings", "sharedStrings.xml")}
        ),
        "xl/styles.xml": _STYLES,
        "xl/sharedStrings.xml": f'<sst xmlns="{_MAIN}">{"".join(f"<si><t>{word}</t></si>" for word in words)}</sst>',
    }
    for i, (name, rows) in enumerate(sheets.items(), 1):
        members[f"xl/worksheets/sheet{i}.xml"] = _sheet((written or {}).get(name) or _rows(rows))
    return zipped({name: text.encode() for name, text in members.items()})


def _relations(targets: Mapping[str, tuple[str, str]]) -> str:
    inner = "".join(
        f'<Relationship Id="{key}" Type="{_OFFICE}/{kind}" Target="{target}"/>'
        for key, (kind, target) in targets.items()
    )
    return f'<Relationships xmlns="{_RELATIONS}">{inner}</Relationships>'


def _rows(rows: Sequence[Sequence[Any]]) -> str:
    return "".join(
        f'<row r="{number}">{"".join(_cell(chr(65 + i), number, cell) for i, cell in enumerate(row))}</row>'
        for number, row in enumerate(rows, 1)
    )


def _sheet(written: str) -> str:
    return f'<worksheet xmlns="{_MAIN}"><sheetData>{written}</sheetData></worksheet>'


def _cell(letter: str, number: int, value: Any) -> str:
    place = f'r="{letter}{number}"'
    match value:
        case None:
            return ""
        case bool():
            return f'<c {place} t="b"><v>{int(value)}</v></c>'
        case date():
            days = (value - datetime(1899, 12, 30)).total_seconds() / 86400  # noqa: DTZ001, cells know no zone
            return f'<c {place} s="1"><v>{days}</v></c>'
        case str():
            return f'<c {place} t="inlineStr"><is><t>{escape(value)}</t></is></c>'
    return f"<c {place}><v>{value}</v></c>"
