"""Archives of images or of texts: a file is a row, and its folders and the tables beside it say what it is."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

import pyarrow as pa

from worker.data.formats.archives import Archive, Member, MemberError
from worker.data.formats.arrays import PART
from worker.data.formats.base import Progress, Read, unique_names
from worker.data.formats.fields import category_field, image_field
from worker.data.formats.labels import TABLE_ENDINGS, find_labels
from worker.data.formats.pictures import IMAGE_ENDINGS, OTHER_IMAGE_ENDINGS, decode_image
from worker.data.formats.places import folders_of, pair_masks, places_of, without_kind
from worker.data.formats.rows import RowWriter

TEXT_ENDINGS = frozenset({".txt"})


def read_images(archive: Archive, target: BinaryIO, progress: Progress) -> Read:
    """Read the images of an archive into the columns `image`, `mask`, `label`, `part`, those of tables, and `file`."""
    pictures = [member for member in archive.members if member.ending in IMAGE_ENDINGS]
    _pass_over_others(archive, IMAGE_ENDINGS)
    pairs = pair_masks([member.name for member in pictures])
    if pairs is None:
        table = _Table(archive, pictures, ["image"])
        return table.write(target, progress, lambda member: [_picture(archive, member)[0]])
    members = {member.name: member for member in pictures}
    used = set(pairs) | set(pairs.values())
    for member in pictures:
        if member.name not in used:
            archive.found.put_aside(member.name, "there is no image and mask of this name")
    table = _Table(archive, [members[name] for name in pairs], ["image", "mask"])
    return table.write(target, progress, lambda member: _with_mask(archive, member, members[pairs[member.name]]))


def read_texts(archive: Archive, target: BinaryIO, progress: Progress) -> Read:
    """Read the texts of an archive into the columns `text`, `label`, `part`, those of tables, and `file`."""
    _pass_over_others(archive, TEXT_ENDINGS)
    table = _Table(archive, [member for member in archive.members if member.ending in TEXT_ENDINGS], ["text"])
    others = 0

    def content(member: Member) -> list[Any]:
        nonlocal others
        data = archive.read(member)
        if b"\0" in data and not data.startswith((b"\xff\xfe", b"\xfe\xff")):
            raise MemberError("it is not a text")
        text, is_utf8 = _text(data)
        others += not is_utf8
        return [text]

    found = table.write(target, progress, content)
    if others:
        found.note(f"{others:,} texts are not written in UTF-8; they were read as Windows-1252, or UTF-16.")
    return found


def _picture(archive: Archive, member: Member) -> tuple[bytes, tuple[int, int]]:
    """An image's bytes, and its width and height. Raises MemberError."""
    data = archive.read(member)
    try:
        return data, decode_image(data).size
    except ValueError as error:
        raise MemberError(str(error)) from error


def _with_mask(archive: Archive, member: Member, mask: Member) -> list[Any]:
    data, size = _picture(archive, member)
    try:
        mask_data, mask_size = _picture(archive, mask)
    except MemberError as error:
        raise MemberError(f"its mask cannot be used: {error}") from error
    if mask_size != size:
        written = [f"{width} by {height}" for width, height in (size, mask_size)]
        raise MemberError(f"it has {written[0]} pixels, its mask {written[1]}")
    return [data, mask_data]


def _text(data: bytes) -> tuple[str, bool]:
    """A text, and whether it is UTF-8."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace"), False
    try:
        return data.decode("utf-8-sig"), True
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace"), False


@dataclass
class _Row:
    member: Member
    cells: list[Any]  # all but those of the content


class _Table:
    """A table whose rows are members: their content, and what is known of them."""

    def __init__(self, archive: Archive, members: Sequence[Member], content: Sequence[str]) -> None:
        self._archive, self._members = archive, members
        self._places = places_of([without_kind(folders_of(member.name)) for member in members])
        self._labels = find_labels(archive, members)
        self._content = content
        self._joined: list[pa.Field] = []

    def write(self, target: BinaryIO, progress: Progress, content: Callable[[Member], list[Any]]) -> Read:
        """Write a row for each member whose `content` can be read; the others are set aside."""
        found = self._archive.found
        num_members = len(self._members)
        with RowWriter(target, self._schema()) as writer:
            for number, row in enumerate(self._rows(), start=1):
                try:
                    cells = content(row.member)
                except MemberError as error:
                    found.put_aside(row.member.name, str(error))
                else:
                    writer.add([*cells, *row.cells], sum(map(len, cells)) + 100)
                    found.num_rows += 1
                progress(self._archive.size * number // num_members)
        return found

    def _schema(self) -> pa.Schema:
        fields = [pa.field(name, pa.string()) if name == "text" else image_field(name) for name in self._content]
        if self._places.labels:
            fields.append(category_field("label"))
        if self._places.parts:
            fields.append(category_field(PART))
        own = [*(one.name for one in fields), "file"]
        names = unique_names([*own, *self._labels.names])[len(own) :]
        self._joined = self._labels.fields(names)
        return pa.schema([*fields, *self._joined, pa.field("file", pa.string())])

    def _rows(self) -> Iterator[_Row]:
        for i, member in enumerate(self._members):
            cells: list[Any] = []
            if self._places.labels:
                cells.append(self._places.labels[i])
            if self._places.parts:
                cells.append(self._places.parts[i])
            yield _Row(member, [*cells, *self._labels.row(member.name, self._joined), member.name])


def _pass_over_others(archive: Archive, wanted: frozenset[str]) -> None:
    """Say which members are no rows. Tables are looked at later."""
    for member in archive.members:
        if member.ending in OTHER_IMAGE_ENDINGS:
            archive.found.put_aside(member.name, f"images of the format {member.ending[1:].upper()} are not read")
        elif member.ending not in wanted | TABLE_ENDINGS:
            archive.found.put_aside(member.name, "its name is not that of a file that is read")
