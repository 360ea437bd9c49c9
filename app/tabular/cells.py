"""The cells of a table as it was kept, to the letter: as the worker reads them."""

import csv
import re
from collections.abc import Iterable, Iterator

from app.dialect import Dialect

_SPACE = "\0"  # stands for a space; no table holds one


def read_records(lines: Iterable[str], dialect: Dialect) -> Iterator[list[str]]:
    """The records of text in the form in which it is kept, the header too.

    Spaces before a quote mean nothing, all others belong to their cell. Python's reader drops both or neither: those
    that belong to a cell are hidden from it, and within quotes, where nothing is dropped, they come back as well.
    """
    leading = re.compile(rf"(^|{re.escape(dialect.delimiter)}) (?! *{re.escape(dialect.quote)})", re.MULTILINE)
    reader = csv.reader(
        (leading.sub(rf"\1{_SPACE}", line) for line in lines) if dialect.quote else lines,
        delimiter=dialect.delimiter,
        quotechar=dialect.quote or None,
        quoting=csv.QUOTE_MINIMAL if dialect.quote else csv.QUOTE_NONE,
        skipinitialspace=bool(dialect.quote),
    )
    for record in reader:
        yield [cell.replace(_SPACE, " ") for cell in record] if record else [""]
