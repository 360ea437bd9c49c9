"""The functions of a script that make inputs and targets of the columns of its table."""

from collections.abc import Iterable, Iterator
from itertools import groupby

from app.codegen.splits import lacking
from app.codegen.writing import Script, Trained, literal, refuse, spread
from app.specs.answers import OF_WORDS
from app.specs.base import Shape
from app.specs.columns import Column
from app.specs.features import (
    CYCLIC_PARTS,
    embedded_places,
    features,
    fed_to,
    image_shape,
    input_shape,
    is_coded,
    is_embedded,
    steps_of,
)
from app.specs.steps import ColumnSteps, Pixels, Tokens

SCALES = {"standardize": "standardizing", "min_max": "min_max", "robust": "robust"}
FITS = {"stretch": "stretched", "crop": "cropped", "pad": "padded"}
_MODES = {1: "L", 3: "RGB"}

Cut = tuple[str, int, bool]


def write_features(script: Script, trained: Trained) -> str:
    """Define `features_of`, which gives what a model is fed of every row. Returns what it takes."""
    data = trained.spec.data
    if trained.inputs:
        return _write_inputs(script, trained)
    fed = features(data, trained.columns)
    shape = input_shape(data, trained.columns)
    row = shape[1:] if data.window is not None else shape
    written = _Features(script, trained)
    appended = list(written.all_lines(fed))  # first, so that what it calls stands in the order of the columns
    lines = [_NONE_YET, *written.tokenizers(), *appended]
    dtype = "np.int64" if trained.model.takes_integers else "np.float32"
    whole = "np.concatenate(found, axis=1)"
    if trained.model.takes_integers and (lacking(trained) and data.window is not None):
        whole = f"np.nan_to_num({whole})"
    is_fitted, takes = _taking(lines)
    gives, more = "NDArray[Any]", ""
    if trained.kind in OF_WORDS:  # texts that are cut alike share a vocabulary, fed or predicted
        gives, more = "tuple[NDArray[Any], Tokenizer]", f", tokenizer_{written.cuts().index(written.target_cut)}"
        script.imports.add(("tokenizers", "Tokenizer"))
    head = f"def features_of({takes}) -> {gives}:"
    fits = _FITS if is_fitted else ""
    title = f'    """What the model is fed of each row, (N, {", ".join(map(str, row))}).{fits}"""'
    script.functions.append("\n".join([head, title, *lines, f"    return {whole}.astype({dtype}){_put(row)}{more}"]))
    script.imports |= {("typing", "Any"), ("numpy.typing", "NDArray")}
    return "table, train" if is_fitted else "table"


def _write_inputs(script: Script, trained: Trained) -> str:
    """The same of several inputs, one after the other."""
    written, shapes = _Features(script, trained), trained.model.shapes(trained.fed)
    fed = features(trained.spec.data, trained.columns)
    lines: list[str] = []
    for i, (name, label) in enumerate(trained.inputs.items()):
        lines += ["    found = []" if i else _NONE_YET, *written.all_lines(fed_to(trained.spec.data, fed, name))]
        dtype = "np.int64" if name in trained.model.vocabularies else "np.float32"
        lines.append(f"    inputs{label} = np.concatenate(found, axis=1).astype({dtype}){_put(shapes[name])}")
    lines = [*written.tokenizers(), *lines]
    is_fitted, takes = _taking(lines)
    fits = _FITS if is_fitted else ""
    script.functions.append(
        "\n".join(
            [
                f"def features_of({takes}) -> tuple[NDArray[Any], ...]:",
                f'    """What each input is fed of each row.{fits}"""',
                *lines,
                *spread("return ", [f"inputs{label}" for label in trained.inputs.values()]),
            ]
        )
    )
    script.imports |= {("typing", "Any"), ("numpy.typing", "NDArray")}
    return "table, train" if is_fitted else "table"


_NONE_YET = "    found: list[NDArray[Any]] = []"
_FITS = " What is fitted is fitted on the training rows alone."


def _taking(lines: list[str]) -> tuple[bool, str]:
    """Whether lines fit something, and what a function of them takes."""
    is_fitted = any("train" in line for line in lines)
    return is_fitted, "table: pa.Table, train: NDArray[np.int64]" if is_fitted else "table: pa.Table"


def _put(row: Shape) -> str:
    """How numbers (N, width) take the shape of a row."""
    return "" if len(row) == 1 else f".reshape(-1, {', '.join(map(str, row))})"


def write_pixels(script: Script, trained: Trained) -> None:
    """Define `features_of` for images alone."""
    (column,) = features(trained.spec.data, trained.columns)
    read = pixels_of(script, trained, column, "table", literal(column.name))
    head = "def features_of(table: pa.Table) -> NDArray[np.uint8]:"
    script.functions.append("\n".join([head, '    """The pixels of each row."""', f"    return {read}"]))
    script.imports |= {("numpy.typing", "NDArray")}


def _for_each(names: list[str], told: tuple[str, ...], script: Script) -> list[str]:
    """The same for several columns, or for one."""
    if len(names) == 1:
        return [f"    {line.replace('{name}', literal(names[0]))}" for line in told]
    loop = f"    for name in {script.names('COLUMNS', names)}:"
    return [loop, *(f"        {line.replace('{name}', 'name')}" for line in told)]


class _Features:
    """Says of each column what becomes of it; its name stands as {name}, so that columns can share the words."""

    def __init__(self, script: Script, trained: Trained) -> None:
        self.script, self.trained, self.data = script, trained, trained.spec.data
        self.places = embedded_places(self.data, features(self.data, trained.columns))
        self._clip = ""

    def all_lines(self, fed: Iterable[Column]) -> Iterator[str]:
        """The lines that append the inputs of several columns."""
        each = [(column, self.lines(column)) for column in fed]
        for told, same in groupby(each, key=lambda one: one[1]):
            yield from _for_each([column.name for column, _ in same], told, self.script)

    def lines(self, column: Column) -> tuple[str, ...]:
        """The lines that append inputs (N, width) to `found`."""
        steps = steps_of(self.data, column.name)
        if is_embedded(self.data, column):
            return tuple(self._embedded(column))
        if column.type == "image":
            return tuple(self._image(column, steps.pixels or Pixels()))
        if column.type == "array":
            return tuple(self._array(column, steps))
        if column.type in ("text", "category") and steps.tokens is not None:
            return tuple(self._tokens(steps.tokens))
        return tuple(self._numbers(column, steps))

    @property
    def target_cut(self) -> Cut:
        """How the text is cut that is predicted."""
        tokens = steps_of(self.data, self.trained.target).tokens
        assert tokens is not None, "an answer of tokens says how"
        return tokens.cut

    def cuts(self) -> list[Cut]:
        """The ways in which texts are cut, each once."""
        return list(self._cut_alike())

    def _cut_alike(self) -> dict[Cut, list[str]]:
        """The texts of each way."""
        found: dict[Cut, list[str]] = {}
        for column in features(self.data, self.trained.columns):
            tokens = steps_of(self.data, column.name).tokens
            if tokens is not None and column.type in ("text", "category") and not is_embedded(self.data, column):
                found.setdefault(tokens.cut, []).append(column.name)
        if self.trained.kind in OF_WORDS and not any(self.trained.target in names for names in found.values()):
            found.setdefault(self.target_cut, []).append(self.trained.target)
        return found

    def tokenizers(self) -> Iterator[str]:
        """The lines that learn a vocabulary for each way of cutting texts."""
        for i, (cut, names) in enumerate(self._cut_alike().items()):
            each = f"for name in {self.script.names('TEXTS', names)} for text in"
            yield from learned(self.script, cut, f"tokenizer_{i}", each, "name")

    def _use(self, place: str, name: str) -> str:
        return self.script.use(place, name)

    def _embedded(self, column: Column) -> Iterator[str]:
        place = self.places[column.name]
        told = f"table, {{name}}, train, {place.start}, {len(place) - 1}"
        yield f"found.append({self._use('columns', 'looked_up')}({told}))"

    def _image(self, column: Column, pixels: Pixels) -> Iterator[str]:
        yield f"pixels = {pixels_of(self.script, self.trained, column, 'table', '{name}')}"
        if pixels.normalize == "standardize":
            yield f"mean, std = {self._use('images', 'channel_figures')}(pixels[train])"
            yield "scaled = (pixels.astype(np.float32) / np.float32(255) - mean) / std"
        else:
            yield "scaled = pixels.astype(np.float32) / np.float32(255)"
        yield "found.append(scaled.reshape(len(scaled), -1))"

    def _array(self, column: Column, steps: ColumnSteps) -> Iterator[str]:
        yield f"x = {self._use('columns', 'array_of')}(table, {{name}})"
        if steps.scale not in (None, "none"):
            refuse_samples(self.trained, column, steps.scale == "robust", "scale")
            yield f"center, spread = {self._use('columns', SCALES[str(steps.scale)])}(x[train].ravel())"
            yield "x = (x - center) / spread"
        yield "found.append(x)"

    def _tokens(self, tokens: Tokens) -> Iterator[str]:
        texts = f"{self._use('texts', 'texts_of')}(table, {{name}})"
        which = f"tokenizer_{self.cuts().index(tokens.cut)}"
        told = f"{which}, {texts}, {tokens.length}, keep={literal(tokens.keep)}, pad={literal(tokens.pad)}"
        yield f"found.append({self._use('texts', 'tokens_of')}({told}))"

    def _numbers(self, column: Column, steps: ColumnSteps) -> Iterator[str]:
        """Numbers, words or times: filled, clipped, put on a logarithmic scale, scaled, in this order."""
        is_code = column.type in ("text", "category") or is_coded(self.data, column)
        is_hashed = column.type in ("text", "category") and steps.categories == "hashed"
        is_one_hot = is_coded(self.data, column) or (is_code and not is_hashed and steps.categories == "one_hot")
        yield f"x = {self._read(column, is_code, is_hashed, steps)}"
        fills = bool(column.num_missing) and steps.missing is not None and steps.missing.type not in ("error", "drop")
        indicates = fills and bool(steps.missing and steps.missing.indicator)
        clips = column.type in ("integer", "float") and not is_coded(self.data, column)
        if (fills and steps.missing and steps.missing.type != "constant") or (clips and steps.clip_share):
            yield f"known = {self._use('columns', 'present')}(x[train])"
            is_sampled = steps.clip_share is not None or steps.missing is None or steps.missing.type != "mean"
            refuse_samples(self.trained, column, is_sampled, "missing")
        if clips:
            yield from self._limits(steps)
        if indicates:
            yield "missing = np.isnan(x)"
        if fills:
            yield f"x = np.where(np.isnan(x), {self._filling(column, steps, is_code)}, x)"
        if is_one_hot:
            yield f"x = {self._use('columns', 'one_hot')}(x, train, {len(column.values or [])})"
            yield "found.append(x)"
        elif is_hashed:
            yield f"found.append(x[:, None] == np.arange({steps.num_buckets}))"
        elif column.type == "timestamp" and steps.parts:
            yield from self._parts(column, steps)
        else:
            yield from self._amount(column, steps, clips=clips)
            yield "found.append(x[:, None])"
        if indicates:
            yield "found.append(missing[:, None])"

    def _read(self, column: Column, is_code: bool, is_hashed: bool, steps: ColumnSteps) -> str:
        if is_hashed:
            return f"{self._use('columns', 'buckets_of')}(table, {{name}}, {steps.num_buckets})"
        if not is_code:
            return f"{self._use('columns', 'numbers')}(table, {{name}})"
        values = {one.name: one.values for one in self._with_values()}
        self.script.constant("CATEGORIES", values)
        return f"{self._use('columns', 'codes_of')}(table, {{name}}, CATEGORIES[{{name}}])"

    def _with_values(self) -> list[Column]:
        """The columns of which each value is told apart by its place among all."""
        fed = features(self.data, self.trained.columns)
        found = []
        for column in fed:
            steps = steps_of(self.data, column.name)
            is_words = column.type in ("text", "category") and steps.tokens is None and steps.categories != "hashed"
            if (is_words or is_coded(self.data, column)) and not is_embedded(self.data, column):
                found.append(column)
        return found

    def _limits(self, steps: ColumnSteps) -> Iterator[str]:
        low, high = steps.low, steps.high
        if steps.clip_share is None:
            self._clip = "" if low is None and high is None else f"x = x.clip({low!r}, {high!r})"
            return
        share = steps.clip_share
        yield f"low, high = np.quantile(known, [{share!r}, 1 - {share!r}])"
        told_low = "low" if low is None else f"max({low!r}, low)"
        told_high = "high" if high is None else f"min({high!r}, high)"
        self._clip = f"x = x.clip({told_low}, {told_high})"

    def _filling(self, column: Column, steps: ColumnSteps, is_code: bool) -> str:
        missing = steps.missing
        assert missing is not None
        if missing.type == "constant":
            return "-1" if is_code else repr(missing.value)
        if missing.type == "most_frequent" or is_code or column.type == "boolean":
            return f"{self._use('columns', 'most_frequent')}(known)"
        return "known.mean()" if missing.type == "mean" else "np.median(known)"

    def _amount(self, column: Column, steps: ColumnSteps, *, clips: bool) -> Iterator[str]:
        if clips and self._clip:
            yield self._clip
        if steps.log and column.is_numeric:
            yield "x = np.log1p(np.maximum(x, 0))"
        if column.type in ("integer", "float", "timestamp"):
            yield from self._scaled(column, steps)

    def _scaled(self, column: Column, steps: ColumnSteps) -> Iterator[str]:
        if steps.scale in (None, "none"):
            return
        refuse_samples(self.trained, column, steps.scale == "robust", "scale")
        yield f"center, spread = {self._use('columns', SCALES[str(steps.scale)])}(x[train])"
        yield "x = (x - center) / spread"

    def _parts(self, column: Column, steps: ColumnSteps) -> Iterator[str]:
        yield "seconds = x"
        for part in steps.parts or ():
            if part in CYCLIC_PARTS:
                yield f"found.append({self._use('columns', 'cyclic')}({literal(part)}, seconds))"
                continue
            self.script.quotes.add("app.transforms.steps", "part_of")
            yield f"x = part_of({literal(part)}, seconds)"
            yield from self._scaled(column, steps)
            yield "found.append(x[:, None])"


def learned(script: Script, cut: Cut, made: str, each: str, name: str) -> Iterator[str]:
    """The lines that learn a vocabulary of the training rows' texts: `each` says of what, up to the texts of `name`."""
    level, size, lowercase = cut
    cutter = script.use("texts", "characters" if level == "characters" else "words")
    make = script.use("texts", "pair_tokenizer" if level == "bpe" else "lookup_tokenizer")
    texts = script.use("texts", "texts_of")
    yield f"    learned = [text {each} {texts}(table.take(train), {name}) if text]"
    yield f"    {made} = {make}(learned, {cutter}(), {size}, lowercase={lowercase})"


def pixels_of(script: Script, trained: Trained, column: Column, table: str, name: str) -> str:
    pixels = steps_of(trained.spec.data, column.name).pixels or Pixels()
    channels, height, width = image_shape(pixels, column)
    told = f"{literal(_MODES[channels])}, {script.use('images', FITS[pixels.fit])}, ({width}, {height})"
    return f"{script.use('images', 'pixels_of')}({table}, {name}, {told})"


def refuse_samples(trained: Trained, column: Column, is_sampled: bool, field: str) -> None:
    """Of more numbers than `Sample` keeps, a run's medians and quantiles are those of some."""
    from app.preparing.fitting import Sample  # brings pyarrow, which the server's start does without

    numbers = trained.num_rows
    for side in column.shape or ():
        numbers *= side
    if is_sampled and numbers > Sample.LIMIT:
        message = f"of more than {Sample.LIMIT:,} numbers the run took medians and quantiles of a sample"
        raise refuse(("data", "columns", column.name, field), f"{message}, which a script does not draw", None)
