"""The function of a script that deals rows to their parts."""

from app.codegen.writing import Script, Trained, literal
from app.specs.features import dropping, features
from app.specs.splits import ColumnSplit, GroupedSplit, KFoldSplit, SharesSplit, TimeSplit
from app.splitting import STRETCH

_PARTS = ("train", "validation", "test")


def write_split(script: Script, trained: Trained) -> None:
    """Define `split`, which gives the rows of each part, ascending."""
    script.need("numpy as np", "pyarrow as pa")
    script.imports |= {("numpy.typing", "NDArray")}
    split = trained.spec.data.split
    lines = _by_column(script, split, trained) if isinstance(split, ColumnSplit) else _by_shares(script, trained)
    head = "def split(table: pa.Table) -> dict[str, NDArray[np.int64]]:"
    script.functions.append("\n".join([head, f'    """The rows of each part: {_words(split)}."""', *lines]))


def leaves_out(trained: Trained) -> bool:
    """Whether a row may belong to no part."""
    data = trained.spec.data
    return data.window is None and (
        data.repeats == "drop"
        or isinstance(data.split, ColumnSplit)
        or _is_by_time(data.split)
        or bool(lacking(trained))
    )


def lacking(trained: Trained) -> list[str]:
    """The columns whose gaps leave a row out."""
    data = trained.spec.data
    found = dropping(data, features(data, trained.columns))
    return [*found, *(name for name in data.targets if trained.known[name].num_missing)]


def _words(split: object) -> str:
    """For a docstring, so nothing that a user wrote: it would be code."""
    match split:
        case SharesSplit(shuffle=False):
            return "the first ones train"
        case KFoldSplit(time=str()):
            return "what comes before the fold trains"
        case KFoldSplit(group=str()) | GroupedSplit():
            return "rows of one group stay together"
        case KFoldSplit(shuffle=False):
            return "folds in the order of the rows"
        case SharesSplit(stratify=True) | KFoldSplit(stratify=True):
            return "dealt at random, with the same mix of classes in each"
        case SharesSplit() | KFoldSplit():
            return "dealt at random"
        case TimeSplit():
            return "the earliest train"
    return "as a column says"


def _used(script: Script, trained: Trained, *, by_column: bool = False) -> list[str]:
    """`used`, which rows may be dealt; nothing where all may. Of a time series windows are left out, not rows."""
    data, names = trained.spec.data, list(dict.fromkeys(lacking(trained)))
    if data.window is not None:
        return []
    lines = []
    if names:
        lines.append(f"    used = {script.use('splits', 'whole')}(table, {script.names('NEEDED', names)})")
    if data.repeats == "drop":
        lines = lines or ["    used = np.ones(table.num_rows, np.bool_)"]
        if by_column:  # a row of no part takes no other's place
            lines.append("    used &= np.isin(np.arange(table.num_rows), np.concatenate(list(parts.values())))")
        fed = [column.name for column in features(data, trained.columns)]
        compared = script.names("COMPARED", list(dict.fromkeys([*fed, *data.targets])))
        lines.append(f"    used = {script.use('splits', 'firsts')}(table, {compared}, used)")
    return lines


def _by_column(script: Script, split: ColumnSplit, trained: Trained) -> list[str]:
    holding = f"{script.use('splits', 'holding')}(table[{literal(split.column)}]"
    values = {part: getattr(split, part) for part in _PARTS if getattr(split, part)}
    told = [f"        {literal(part)}: {holding}, {literal(some)})," for part, some in values.items()]
    used = _used(script, trained, by_column=True)
    answer = "{name: rows[used[rows]] for name, rows in parts.items()}" if used else "parts"
    return ["    parts = {", *told, "    }", *used, f"    return {answer}"]


def _by_shares(script: Script, trained: Trained) -> list[str]:
    split = trained.spec.data.split
    used = _used(script, trained)
    rows = "np.flatnonzero(used)" if used else "np.arange(table.num_rows)"
    lines = [*used, f"    rows = {rows}"]
    if _trains_all(split):
        return [*lines, '    return {"train": rows}']
    return [*lines, *_sizes(script, split), *_places(script, trained, some=bool(used)), *_answer(split)]


def _trains_all(split: object) -> bool:
    return not isinstance(split, KFoldSplit) and not getattr(split, "validation", 0) and not getattr(split, "test", 0)


def _sizes(script: Script, split: object) -> list[str]:
    """`sizes`: of the test and the validation, rounded, and of the training; or of the test and each fold."""
    if isinstance(split, KFoldSplit):
        script.constant("NUM_FOLDS", split.num_folds)
        if split.time is not None:
            return [
                f"    num_test = round(len(rows) * {split.test!r})",
                "    size = (len(rows) - num_test) // (NUM_FOLDS + 1)",
                "    sizes = [num_test, *[size] * NUM_FOLDS, len(rows) - num_test - NUM_FOLDS * size]",
            ]
        if split.group is not None:
            sizes = "[num_test, *[(len(rows) - num_test) / NUM_FOLDS] * NUM_FOLDS]"
            return [f"    num_test = round(len(rows) * {split.test!r})", f"    sizes = {sizes}"]
        if split.stratify and not split.shuffle:
            return []  # each class is dealt in turn
        return [
            f"    num_test = round(len(rows) * {split.test!r})",
            "    size, num_larger = divmod(len(rows) - num_test, NUM_FOLDS)",
            "    sizes = [num_test, *(size + (i < num_larger) for i in range(NUM_FOLDS))]",
        ]
    validation, test = getattr(split, "validation", 0.0), getattr(split, "test", 0.0)
    return [
        f"    num_test, num_validation = round(len(rows) * {test!r}), round(len(rows) * {validation!r})",
        "    sizes = [num_test, num_validation, len(rows) - num_test - num_validation]",
    ]


def _places(script: Script, trained: Trained, *, some: bool) -> list[str]:
    """`places`: of each row the part that it is dealt to."""
    split = trained.spec.data.split
    match split:
        case TimeSplit(column=column) | KFoldSplit(time=str() as column):
            times = f"{script.use('columns', 'numbers')}(table, {literal(column)})[rows]"
            return [f"    places = {script.use('splits', 'by_time')}({times}, sizes, {literal(column)})"]
        case GroupedSplit(column=column):
            script.constant("SPLIT_SEED", split.seed)
            groups = f"{script.use('splits', 'numbered')}(table[{literal(column)}])[rows]"
            return [f"    places = {script.use('splits', 'grouped')}({groups}, sizes, SPLIT_SEED)"]
        case SharesSplit(shuffle=False):
            return ["    places = np.repeat([2, 1, 0], sizes[::-1])"]
        case KFoldSplit(group=str() as column):
            return _places_of_groups(script, trained, split, column)
        case KFoldSplit(shuffle=False, stratify=True):
            return [_classes(script, trained), f"    places = {script.use('splits', 'in_turn')}(classes, NUM_FOLDS)"]
        case KFoldSplit(shuffle=False):
            return ["    places = np.repeat([*range(1, NUM_FOLDS + 1), 0], [*sizes[1:], sizes[0]])"]
    script.constant("SPLIT_SEED", getattr(split, "seed", 0))
    found = []
    if getattr(split, "stratify", False):
        found.append(_classes(script, trained))
    if trained.num_rows > STRETCH:
        return [*found, _in_stretches(script, some=some, stratified=bool(found))]
    if found:
        return [*found, f"    places = {script.use('splits', 'stratified')}(classes, sizes, SPLIT_SEED)"]
    return [f"    places = {script.use('splits', 'dealt')}(len(rows), sizes, SPLIT_SEED)"]


def _classes(script: Script, trained: Trained) -> str:
    target = script.constant("TARGET", trained.target)
    return f"    classes = {script.use('splits', 'numbered')}(table[{target}])[rows]"


def _places_of_groups(script: Script, trained: Trained, split: KFoldSplit, column: str) -> list[str]:
    seed = str(script.constant("SPLIT_SEED", split.seed)) if split.shuffle else "None"
    groups = f"    groups = {script.use('splits', 'numbered')}(table[{literal(column)}])[rows]"
    if not split.stratify:
        return [groups, f"    places = {script.use('splits', 'grouped')}(groups, sizes, {seed})"]
    places = f"    places = {script.use('splits', 'grouped_by_class')}(groups, classes, sizes, {seed})"
    return [groups, _classes(script, trained), places]


def _is_by_time(split: object) -> bool:
    return isinstance(split, KFoldSplit) and split.time is not None


def _in_stretches(script: Script, *, some: bool, stratified: bool) -> str:
    used = "used" if some else "np.ones(table.num_rows, np.bool_)"
    function = script.use("splits", "dealt_in_stretches")
    if not stratified:
        return f"    places = {function}({used}, np.zeros(len(rows), np.int64), sizes, SPLIT_SEED)"
    shares = f"{script.use('splits', 'sizes_of_classes')}(classes, sizes)"
    return f"    places = {function}({used}, classes, sizes, SPLIT_SEED, {shares})"


def _answer(split: object) -> list[str]:
    if isinstance(split, KFoldSplit) and split.time is not None:
        place = split.num_folds - split.fold  # the latest first
        found = [f"places > {place}", f"places == {place}", "places == 0"]
    elif isinstance(split, KFoldSplit):
        found = [f"(places > 0) & (places != {split.fold + 1})", f"places == {split.fold + 1}", "places == 0"]
    else:
        found = ["places == 2", "places == 1", "places == 0"]
    shares = [1.0, 1.0 if isinstance(split, KFoldSplit) else getattr(split, "validation", 0), getattr(split, "test", 0)]
    told = [f"{literal(part)}: rows[{mask}]" for part, mask, share in zip(_PARTS, found, shares, strict=True) if share]
    return ["    return {" + ", ".join(told) + "}"]
