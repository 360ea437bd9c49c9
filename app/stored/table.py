"""The one way to the rows of a stored table: any of its columns, any stretch of its rows, a bounded piece at a time."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from app.stored.manifest import TABLE, File, Manifest, TablePart, read_manifest

_READ_BYTES = 1 << 20
_ROWS_OF_A_CELL = 64  # that are decoded together, to get at one of them


def open_table(place: Path, coded: Collection[str] = ()) -> "StoredTable":
    """The table in a dataset's folder, or of a Parquet file by itself.

    Of the columns `coded`, which hold words, batches have codes and dictionaries (Arrow's), as the file has them: a
    million rows take a tenth of the time so. Files are open only while they are read.
    """
    if place.is_file():
        return _whole(place, coded)
    manifest = read_manifest(place)
    return _whole(place / TABLE, coded) if manifest is None else StoredTable(place, manifest, coded)


def _whole(path: Path, coded: Collection[str]) -> "StoredTable":
    """A table that is one file, of which nothing was written down."""
    metadata = pq.read_metadata(path)
    file = File(name=path.name, size_bytes=path.stat().st_size, sha256="")
    manifest = Manifest(parts=(TablePart(file=file, num_rows=metadata.num_rows),))
    return StoredTable(path.parent, manifest, coded, {path.name: metadata})


class StoredTable:
    """The rows of a manifest's parts, whose files lie in `folder`. No method reads more than it gives."""

    def __init__(
        self,
        folder: Path,
        manifest: Manifest,
        coded: Collection[str] = (),
        known: Mapping[str, pq.FileMetaData] | None = None,
    ) -> None:
        self.folder, self.manifest = folder, manifest
        self.num_rows = manifest.num_rows
        self._coded = frozenset(coded)
        self._known = dict(known or {})
        # Of every part: a column that is superseded keeps its type.
        self.schema: pa.Schema = self._metadata(manifest.parts[0].file).schema.to_arrow_schema()

    def batches(
        self, names: Sequence[str], num_rows: int, start: int = 0, stop: int | None = None
    ) -> Iterator[pa.RecordBatch]:
        """The columns `names`, in that order, of the rows from `start` up to `stop`, no more than `num_rows` at a time.

        Row groups that lie outside are not read.
        """
        names = list(dict.fromkeys(names))
        stop = self.num_rows if stop is None else min(stop, self.num_rows)
        first = 0
        for part in self.manifest.parts:
            last = first + part.num_rows
            if max(start, first) < min(stop, last):
                yield from self._of_part(part, names, num_rows, max(start, first) - first, min(stop, last) - first)
            first = last

    def read(self, names: Sequence[str]) -> pa.Table:
        """Some columns whole: for the caller to know that they are small."""
        fields = [self.schema.field(name) for name in names]
        return pa.Table.from_batches(list(self.batches(names, max(1, self.num_rows))), pa.schema(fields))

    def cell(self, name: str, row: int) -> Any:
        """One value, None where it is missing. Raises LookupError where there is no such row."""
        for batch in self.batches([name], _ROWS_OF_A_CELL, row, row + 1):
            return batch.column(0)[0].as_py()
        raise LookupError("there are not so many rows")

    def num_bytes(self, name: str) -> int:
        """What a column takes up in its row groups, unpacked."""
        return sum(chunk.total_uncompressed_size for chunk in self._chunks(name))

    def bounds(self, name: str) -> tuple[Any, Any] | None:
        """The least and the greatest value of a column, as its files tell them: NaN left out, times as whole numbers.

        None where they do not, or where there is no value.
        """
        told = [chunk.statistics for chunk in self._chunks(name) if chunk.statistics is None or not _is_empty(chunk)]
        if not told or any(one is None or not one.has_min_max for one in told):
            return None
        return min(one.min_raw for one in told), max(one.max_raw for one in told)

    def _chunks(self, name: str) -> Iterator[pq.ColumnChunkMetaData]:
        """What is written down of a column in each row group."""
        for part in self.manifest.parts:
            metadata = self._metadata(part.file_of(name))
            place = 0 if name in part.columns else self.schema.get_field_index(name)
            yield from (metadata.row_group(i).column(place) for i in range(metadata.num_row_groups))

    def _metadata(self, file: File) -> pq.FileMetaData:
        if file.name not in self._known:
            self._known[file.name] = pq.read_metadata(self.folder / file.name)
        return self._known[file.name]

    def _of_part(
        self, part: TablePart, names: Sequence[str], num_rows: int, start: int, stop: int
    ) -> Iterator[pa.RecordBatch]:
        by_file: dict[File, list[str]] = {}
        for name in names:
            by_file.setdefault(part.file_of(name), []).append(name)
        with ExitStack() as files:
            streams = [
                _stretch(files.enter_context(self._open(file, part)), columns, num_rows, start, stop)
                for file, columns in by_file.items()
            ]
            for batch in streams[0] if len(streams) == 1 else side_by_side(streams):
                yield batch.select(names)

    def _open(self, file: File, part: TablePart) -> pq.ParquetFile:
        """By itself Arrow would read ahead until all of the file is in memory."""
        held = self.schema.names if file == part.file else [name for name in part.columns if part.columns[name] == file]
        return pq.ParquetFile(
            self.folder / file.name,
            metadata=self._metadata(file),
            read_dictionary=[name for name in held if name in self._coded],
            pre_buffer=False,
            buffer_size=_READ_BYTES,
        )


def _is_empty(chunk: pq.ColumnChunkMetaData) -> bool:
    return chunk.statistics.null_count == chunk.num_values  # type: ignore[no-any-return]


def _stretch(
    file: pq.ParquetFile, names: Sequence[str], num_rows: int, start: int, stop: int
) -> Iterator[pa.RecordBatch]:
    """Some columns of a file's rows from `start` up to `stop`."""
    groups: list[int] = []
    skipped = first = 0
    for i in range(file.metadata.num_row_groups):
        last = first + file.metadata.row_group(i).num_rows
        if start < last and first < stop:
            skipped = skipped if groups else start - first
            groups.append(i)
        first = last
    left = stop - start
    for batch in file.iter_batches(num_rows, row_groups=groups, columns=list(names)):
        before = min(skipped, batch.num_rows)
        some = batch.slice(before, left)
        skipped -= before
        left -= some.num_rows
        if some.num_rows:
            yield some
        if not left:
            return


def side_by_side(streams: Sequence[Iterator[pa.RecordBatch]]) -> Iterator[pa.RecordBatch]:
    """Streams of as many rows each, as one: their columns beside one another, wherever each is cut."""
    heads = [next(stream, None) for stream in streams]
    while all(head is not None for head in heads):
        some = [head for head in heads if head is not None]
        num_rows = min(head.num_rows for head in some)
        fields = [field for head in some for field in head.schema]
        arrays = [column for head in some for column in head.slice(0, num_rows).columns]
        yield pa.RecordBatch.from_arrays(arrays, schema=pa.schema(fields))
        heads = [
            head.slice(num_rows) if head.num_rows > num_rows else next(stream, None)
            for head, stream in zip(some, streams, strict=True)
        ]
