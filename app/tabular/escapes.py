"""Records in the one form in which they are kept: quotes doubled, no escapes, line ends as line feeds.

An escape, such as a backslash before a quote, is hidden from what reads the structure: the pair becomes one byte that
no UTF-8 holds. Only what holds such a byte is written anew, field by field.
"""

import re

import numpy as np
from numpy.typing import NDArray

from app.tabular.structure import NEWLINE, Block, Bytes, Marks, read_block, record_places

_FIRST_HIDDEN = 0xF8  # from here on, no byte occurs in UTF-8
QUOTE = '"'  # what encloses fields that must be enclosed where the file has no quotes


class Escapes:
    """The pairs of `escape` and a character that has a meaning, or itself; none where `escape` is empty."""

    def __init__(self, escape: str, delimiter: str, quote: str) -> None:
        self.escape, self._read, self._kept = escape, quote, quote or QUOTE
        characters = dict.fromkeys([escape, quote or QUOTE, delimiter, "\n", "\r"]) if escape else {}
        self._hidden = {character.encode(): bytes([_FIRST_HIDDEN + i]) for i, character in enumerate(characters)}
        self._shown = {hidden: character for character, hidden in self._hidden.items()}
        either = b"".join(re.escape(character) for character in self._hidden)
        self._pair = re.compile(re.escape(escape.encode()) + b"([" + either + b"])") if escape else None
        self._any = re.compile(b"[" + bytes(range(_FIRST_HIDDEN, 256)) + b"]")
        self._line_end = self._hidden.get(b"\n", b"\n")[0]

    @property
    def quote(self) -> str:
        """What encloses fields in the form in which they are kept."""
        return self._kept if self.escape else self._read

    def hide(self, lines: bytes) -> bytes:
        """The text with each pair as one byte."""
        if self._pair is None or self.escape.encode() not in lines:
            return lines
        return self._pair.sub(lambda found: self._hidden[found[1]], lines)

    def show(self, text: bytes) -> bytes:
        """The text as it was before `hide`."""
        return self._any.sub(lambda found: self.escape.encode() + self._shown[found[0]], text) if self.escape else text

    def line_ends(self, text: Bytes) -> NDArray[np.int64]:
        """The places of all line ends, hidden ones too."""
        return np.flatnonzero(self._are_line_ends(text))

    def count_line_ends(self, text: Bytes) -> int:
        """How many there are, hidden ones too."""
        return int(np.count_nonzero(self._are_line_ends(text)))

    def _are_line_ends(self, text: Bytes) -> NDArray[np.bool_]:
        ends: NDArray[np.bool_] = text == NEWLINE
        return ends | (text == self._line_end) if self.escape else ends

    def kept_form(self, text: Bytes, block: Block, keep: NDArray[np.bool_], marks: Marks) -> bytes:
        """The records of a block that are to be kept."""
        drop = block.returns
        if not keep.all():
            starts, stops = record_places(block)
            edges = np.zeros(len(text) + 1, np.int8)
            edges[starts[~keep]] += 1
            edges[stops[~keep] + 1] -= 1
            drop = np.union1d(drop, np.flatnonzero(np.cumsum(edges[:-1])))
        kept = np.delete(text, drop) if len(drop) else text
        return self._written_anew(kept, marks) if self.escape and len(kept) else kept.tobytes()

    def _written_anew(self, text: Bytes, marks: Marks) -> bytes:
        special = text >= _FIRST_HIDDEN
        if not self._read:
            special |= text == ord(self._kept)
        places = np.flatnonzero(special)
        if not len(places):
            return text.tobytes()
        ends, raw = read_block(text, marks).ends, text.tobytes()
        pieces: list[bytes] = []
        done = 0
        for field in np.unique(np.searchsorted(ends, places)).tolist():
            start, stop = int(ends[field - 1]) + 1 if field else 0, int(ends[field])
            pieces += [raw[done:start], self._field(raw[start:stop])]
            done = stop
        return b"".join([*pieces, raw[done:]])

    def _field(self, field: bytes) -> bytes:
        quote = self._kept.encode()
        if self._read and field.lstrip(b" ").startswith(quote):
            shown = self._shown | {self._hidden[quote]: quote * 2}
            return self._any.sub(lambda found: shown[found[0]], field)
        plain = self._any.sub(lambda found: self._shown[found[0]], field)
        return quote + plain.replace(quote, quote * 2) + quote
