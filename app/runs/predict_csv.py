"""Predictions for a whole file: a table in, a table out, a bounded number of rows at a time.

The answer is made in full before any of it leaves, so that a row which does not fit is an error with its place and
not the end of half a file.
"""

import csv
import io
import tempfile
from collections.abc import Iterator
from itertools import islice
from typing import Any, BinaryIO, TextIO, cast

from app.dialect import MISSING_WORDS, Dialect
from app.errors import Unprocessable
from app.runs.predict import BATCH_ROWS, Predictor
from app.specs.base import Problem, SpecError
from app.tabular.intake import Intake
from app.tabular.refusals import Limits
from app.transforms import word

Columns = dict[str, list[str | None]]
_IN_MEMORY_BYTES = 4 << 20
_PIECE_BYTES = 1 << 20
_NAMED_COLUMNS = 20


def predict_file(
    predictor: Predictor, file: BinaryIO, *, limits: Limits, submission: tuple[str, str] | None = None
) -> BinaryIO:
    """The predictions for a delimited file, as an open CSV file at its start.

    With `submission`, two columns of these names: the row's number from 1, and the prediction. Otherwise the rows as
    they came, then the prediction and how sure it is. Raises AppError with the place of what does
    not fit.
    """
    with tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES) as table:
        dialect = _take_in(file, cast("BinaryIO", table), limits)
        _check_columns(predictor, dialect)
        table.seek(0)
        with io.TextIOWrapper(cast("BinaryIO", table), "utf-8", newline="") as text:
            return _answer(predictor, text, dialect, submission)


def _take_in(file: BinaryIO, table: BinaryIO, limits: Limits) -> Dialect:
    csv.field_size_limit(max(csv.field_size_limit(), limits.field_bytes))
    intake = Intake(table, limits)
    while piece := file.read(_PIECE_BYTES):
        intake.feed(piece)
    return intake.finish().dialect


def _check_columns(predictor: Predictor, dialect: Dialect) -> None:
    missing = [name for name in predictor.features if name not in dialect.columns]
    if missing:
        found = [Problem(loc=["file", name], msg=f"the column {name!r} is missing", received=None) for name in missing]
        named = ", ".join(dialect.columns[:_NAMED_COLUMNS])
        more = ", …" if len(dialect.columns) > _NAMED_COLUMNS else ""
        raise Unprocessable(
            f"The file lacks {len(missing)} of the {len(predictor.features)} columns that the model reads.",
            errors=found[:_NAMED_COLUMNS],
            hint=f"It has {len(dialect.columns)} columns: {named}{more}.",
        )


def _answer(predictor: Predictor, text: TextIO, dialect: Dialect, submission: tuple[str, str] | None) -> BinaryIO:
    answer = tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES)  # noqa: SIM115, the response closes it
    lines = io.TextIOWrapper(cast("BinaryIO", answer), "utf-8", newline="")
    writer = csv.writer(lines, lineterminator="\n")
    others = [] if submission else dialect.columns
    writer.writerow(submission or [*others, *_header(predictor)])
    num_rows = 0
    for columns in _batches(text, dialect):
        for i, prediction in enumerate(_predict(predictor, columns, num_rows)):
            said = [columns[name][i] for name in others]
            label = prediction.get("label", prediction.get("value"))
            writer.writerow([num_rows + i + 1, label] if submission else [*said, label, *_shares(prediction)])
        num_rows += len(next(iter(columns.values())))
    lines.flush()
    lines.detach()
    answer.seek(0)
    return cast("BinaryIO", answer)


def _header(predictor: Predictor) -> list[str]:
    target = predictor.preprocessing.target
    classes = [f"probability of {word(value)}" for value in target.classes or ()]
    return [f"predicted {target.name}", *classes]


def _shares(prediction: dict[str, Any]) -> list[Any]:
    return list(prediction.get("probabilities", {}).values())


def _batches(text: TextIO, dialect: Dialect) -> Iterator[Columns]:
    reader = csv.reader(
        text,
        delimiter=dialect.delimiter,
        quotechar=dialect.quote or None,
        quoting=csv.QUOTE_MINIMAL if dialect.quote else csv.QUOTE_NONE,
        skipinitialspace=True,  # a quote may stand behind spaces
    )
    if dialect.has_header:
        next(reader)
    while rows := list(islice(reader, BATCH_ROWS)):
        columns = zip(*rows, strict=True)
        cells = ([None if cell in MISSING_WORDS else dialect.plain_number(cell) for cell in one] for one in columns)
        yield dict(zip(dialect.columns, cells, strict=True))


def _predict(predictor: Predictor, columns: Columns, first_row: int) -> list[dict[str, Any]]:
    try:
        return predictor.predict(columns)
    except SpecError as error:
        raise Unprocessable.of(SpecError([_shifted(problem, first_row) for problem in error.errors])) from error


def _shifted(problem: Problem, first_row: int) -> Problem:
    """The place in the file of a problem in a batch: `["rows", i, column]`, i from 0 without the header."""
    place, row, *rest = problem.loc
    return problem.model_copy(update={"loc": [place, int(row) + first_row, *rest]})
