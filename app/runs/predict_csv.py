"""Predictions for a whole file: a table in, a table out, a bounded number of rows at a time.

Of a time series, the rows are in its order, and a prediction stands beside the last row of its window.

The answer is made in full before any of it leaves, so that a row which does not fit is an error with its place and
not the end of half a file.
"""

import csv
import io
import json
import tempfile
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, BinaryIO, TextIO, cast

from app.dialect import Dialect
from app.errors import Unprocessable
from app.runs.predict import BATCH_ROWS, Predictor, Reader
from app.specs.base import Problem, SpecError
from app.specs.losses import LOSSES
from app.tabular.cells import read_records
from app.tabular.intake import Intake
from app.tabular.refusals import Limits
from app.tabular.sniffing import AS_FOUND, Overrides
from app.transforms import Target, word

Columns = dict[str, list[str]]
_IN_MEMORY_BYTES = 4 << 20
_PIECE_BYTES = 1 << 20
_NAMED_COLUMNS = 20


def predict_file(
    predictor: Predictor,
    file: BinaryIO,
    *,
    limits: Limits,
    overrides: Overrides = AS_FOUND,
    submission: tuple[str, str] | None = None,
) -> BinaryIO:
    """The predictions for a delimited file, written as `overrides` say, as an open CSV file at its start.

    With `submission`, two columns of these names: the row's number from 1, and the prediction. Otherwise the rows as
    they came, then the prediction and how sure it is. Raises AppError with the place of what does
    not fit.
    """
    with tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES) as table:
        dialect = _take_in(file, cast("BinaryIO", table), limits, overrides)
        _check_columns(predictor, dialect)
        table.seek(0)
        with io.TextIOWrapper(cast("BinaryIO", table), "utf-8", newline="") as text:
            return _answer(predictor, text, dialect, submission)


def _take_in(file: BinaryIO, table: BinaryIO, limits: Limits, overrides: Overrides) -> Dialect:
    csv.field_size_limit(max(csv.field_size_limit(), limits.field_bytes))
    intake = Intake(table, limits, overrides)
    while piece := file.read(_PIECE_BYTES):
        intake.feed(piece)
    return intake.finish().dialect


def _check_columns(predictor: Predictor, dialect: Dialect) -> None:
    window = predictor.preprocessing.window
    needed = [*predictor.features, *([window.series] if window and window.series else [])]
    missing = [name for name in needed if name not in dialect.columns]
    if missing:
        found = [Problem(loc=["file", name], msg=f"the column {name!r} is missing", received=None) for name in missing]
        named = ", ".join(dialect.columns[:_NAMED_COLUMNS])
        more = ", …" if len(dialect.columns) > _NAMED_COLUMNS else ""
        raise Unprocessable(
            f"The file lacks {len(missing)} of the {len(needed)} columns that the model reads.",
            errors=found[:_NAMED_COLUMNS],
            hint=f"It has {len(dialect.columns)} columns: {named}{more}.",
        )


def _answer(predictor: Predictor, text: TextIO, dialect: Dialect, submission: tuple[str, str] | None) -> BinaryIO:
    answer = tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES)  # noqa: SIM115, the response closes it
    lines = io.TextIOWrapper(cast("BinaryIO", answer), "utf-8", newline="")
    writer = csv.writer(lines, lineterminator="\n")
    others = [] if submission else dialect.columns
    header = _header(predictor, submission)
    writer.writerow([*others, *header])
    reader, num_rows = predictor.reader(), 0
    target = predictor.preprocessing.target
    numeric = frozenset(step.name for step in predictor.preprocessing.steps if step.type in ("integer", "float"))
    for columns in _batches(text, dialect):
        for i, prediction in enumerate(_predict(reader, _plain(columns, dialect, numeric), num_rows)):
            if submission and prediction is not None:
                writer.writerow([num_rows + i + 1, *_cells(prediction, target, with_shares=False)])
            elif not submission:
                said = [columns[name][i] for name in others]
                told = [None] * len(header)
                if prediction is not None:
                    told = _cells(prediction, target)
                writer.writerow([*said, *told])
        num_rows += len(next(iter(columns.values())))
    _finish(reader)
    lines.flush()
    lines.detach()
    answer.seek(0)
    return cast("BinaryIO", answer)


def _header(predictor: Predictor, submission: tuple[str, str] | None) -> list[str]:
    """What is said of each row: with how many rows ahead it is, of a time series."""
    target, window = predictor.preprocessing.target, predictor.preprocessing.window
    if target.heads is not None:
        if submission:
            return [submission[0], *(head.name for head in target.heads)]
        return [name for head in target.heads for name in _columns(head.target, head.loss)]
    if target.shape is not None:
        alone = [submission[1]] if submission and target.numbers is None else []
        told = alone or (target.names if submission else _columns(target, predictor.preprocessing.loss))
        return [submission[0], *told] if submission else told
    ahead = [f" +{window.ahead + i}" for i in range(window.horizon)] if window and window.ahead else [""]
    if submission:
        return [submission[0], *(f"{submission[1]}{one}" for one in (ahead if len(ahead) > 1 else [""]))]
    numbers = [f"predicted {target.name}{one}" for one in ahead]
    stds = [f"deviation of {target.name}{one}" for one in ahead if target.reading == "normal"]
    return [*numbers, *stds, *_classes(target, predictor.preprocessing.loss)]


def _columns(target: Target, loss: str) -> list[str]:
    """What is said of a row by one of several outputs."""
    stds = [f"deviation of {name}" for name in target.names if target.reading == "normal"]
    return [*(f"predicted {name}" for name in target.names), *stds, *([] if target.shape else _classes(target, loss))]


def _classes(target: Target, loss: str) -> list[str]:
    said = "score" if LOSSES[loss].outputs == "scores" else "probability"
    return [f"{said} of {word(value)}" for value in target.classes or ()]


def _cells(prediction: dict[str, Any], target: Target, *, with_shares: bool = True) -> list[Any]:
    """What is said of a row: by several outputs, one after the other."""
    if target.heads is not None:
        each = prediction["outputs"]
        if not with_shares:
            return [_one_cell(each[head.name]) for head in target.heads]
        return [cell for head in target.heads for cell in _cells(each[head.name], head.target)]
    in_one = target.shape is not None
    values = _values(prediction, in_one=in_one)
    if not with_shares:
        return values
    stds = _values({"value": prediction["std"]}, in_one=in_one) if "std" in prediction else []
    return [*values, *stds, *_shares(prediction, in_one=in_one)]


def _one_cell(prediction: dict[str, Any]) -> Any:
    found = _values(prediction, in_one=True)
    return found[0] if len(found) == 1 else json.dumps(found)


def _values(prediction: dict[str, Any], *, in_one: bool) -> list[Any]:
    """What is predicted of a row, a cell each; `in_one` puts an answer of many places into one cell, as JSON."""
    found = prediction.get("label", prediction.get("value", prediction.get("tokens")))
    if isinstance(found, dict):
        return list(found.values())
    if isinstance(found, list):
        return [json.dumps(found, ensure_ascii=False)] if in_one else found
    return [found]


def _shares(prediction: dict[str, Any], *, in_one: bool) -> list[Any]:
    """How likely each class is, or its score; of the words of a vocabulary, nothing."""
    return [] if in_one else list(prediction.get("probabilities", prediction.get("scores", {})).values())


def _batches(text: TextIO, dialect: Dialect) -> Iterator[Columns]:
    """The cells to the letter, some rows at a time."""
    records = read_records(text, dialect)
    if dialect.has_header:
        next(records)
    while rows := list(islice(records, BATCH_ROWS)):
        yield dict(zip(dialect.columns, map(list, zip(*rows, strict=True)), strict=True))


def _plain(columns: Columns, dialect: Dialect, numeric: frozenset[str]) -> Columns:
    """The same, with a point before the fraction of what is fed as a number; words stay as they are."""
    return {
        name: [dialect.plain_number(cell) for cell in cells] if name in numeric else cells
        for name, cells in columns.items()
    }


def _predict(reader: Reader, columns: Columns, first_row: int) -> Sequence[dict[str, Any] | None]:
    try:
        return reader.answers(columns)
    except SpecError as error:
        raise Unprocessable.of(SpecError([_shifted(problem, first_row) for problem in error.errors])) from error


def _finish(reader: Reader) -> None:
    try:
        reader.finish()
    except SpecError as error:
        raise Unprocessable.of(error) from error


def _shifted(problem: Problem, first_row: int) -> Problem:
    """The place in the file of a problem in a batch: `["rows", i, column]`, i from 0 without the header."""
    place, row, *rest = problem.loc
    return problem.model_copy(update={"loc": [place, int(row) + first_row, *rest]})
