"""The function of a script that makes targets: of one number or class, or of an answer that has many places."""

from app.codegen.features import FITS, SCALES, learned, pixels_of, refuse_samples
from app.codegen.writing import Script, Trained, literal
from app.specs.answers import OF_WORDS
from app.specs.features import image_shape, steps_of
from app.specs.losses import BINARY_LOSSES, REGRESSION_LOSSES
from app.specs.steps import Pixels

_ON_DEVICE = {"image": ".float() / 255", "mask": ".long()"}


def is_scaled(trained: Trained) -> bool:
    """Whether targets are numbers that are moved and scaled."""
    is_number = trained.answer.kind in ("number", "numbers", "array")
    return trained.spec.data.scale_target != "none" and is_number


def figure_type(trained: Trained) -> str:
    """What targets are moved by: of several columns each by its own."""
    return "Tensor" if trained.kind == "numbers" else "float"


def figures_taken(trained: Trained) -> str:
    """What a function takes that needs to know how targets were scaled."""
    if trained.heads:
        return ", scales" if any(map(is_scaled, trained.heads)) else ""
    return ", center, spread" if is_scaled(trained) else ""


def figure_types(trained: Trained) -> str:
    """Of which types that is."""
    figure = figure_type(trained)
    return "dict[str, list[Any]]" if trained.heads else f"{figure}, {figure}"


def ready_targets(script: Script, trained: Trained) -> str:
    """Targets of some rows as outputs are held to: made of what is kept of them."""
    told = f"targets{trained.label}[rows]"
    if trained.answer.kind in OF_WORDS:
        script.quotes.add("worker.train.places", "as_tokens")
        return f"as_tokens({told})"
    return told + _ON_DEVICE.get(trained.answer.kind, "")


def write_targets(script: Script, trained: Trained) -> str:
    """Define `targets_of`, which gives what is to be predicted of every row. Returns what it takes."""
    kind = trained.answer.kind
    if kind == "numbers":
        script.constant(_own(trained, "TARGETS"), trained.spec.data.targets)
    else:
        script.constant(_own(trained, "TARGET"), trained.target)
    lines, told = _LINES.get(kind, _plain)(script, trained)
    takes, gives, words = "table: pa.Table", "NDArray[Any]", "What is to be predicted of each row"
    called = "table"
    if is_scaled(trained):
        figure = figure_type(trained)
        takes, gives = f"{takes}, train: NDArray[np.int64]", f"tuple[NDArray[Any], {figure}, {figure}]"
        words, told, called = f"{words}, moved and scaled; by what", f"{told}, center, spread", "table, train"
    if kind in OF_WORDS:
        fits = _has_own_words(trained)
        takes += ", train: NDArray[np.int64]" if fits else ", tokenizer: Tokenizer"
        called = "table, train" if fits else "table, tokenizer"
    head = f"def targets_of{trained.label}({takes}) -> {gives}:"
    script.functions.append("\n".join([head, f'    """{words}."""', *lines, f"    return {told}"]))
    script.imports |= {("typing", "Any"), ("numpy.typing", "NDArray")}
    return called


def _own(trained: Trained, name: str) -> str:
    """What a constant is called: beside others, it ends with the name of the output."""
    return name + trained.label.upper()


def _plain(script: Script, trained: Trained) -> tuple[list[str], str]:
    """A number or a class."""
    data, loss = trained.spec.data, trained.spec.training.loss_type
    column = trained.known[trained.target]
    if loss in REGRESSION_LOSSES or column.values is None:
        lines = [f"    found = {script.use('columns', 'numbers')}(table, {_own(trained, 'TARGET')})"]
    else:
        told = f"{_own(trained, 'TARGET')}, {script.constant(_own(trained, 'CLASSES'), column.values)}"
        lines = [f"    found = {script.use('columns', 'codes_of')}(table, {told})"]
    lines += _scaled(script, trained, "found[train]")
    if loss in REGRESSION_LOSSES or loss in BINARY_LOSSES:
        return lines, f"found.astype(np.float32){'' if data.window is not None else '[:, None]'}"
    return lines, "np.nan_to_num(found, nan=-1).astype(np.int64)" if column.num_missing else "found.astype(np.int64)"


def _scaled(script: Script, trained: Trained, fitted: str) -> list[str]:
    if not is_scaled(trained):
        return []
    scale = trained.spec.data.scale_target
    refuse_samples(trained, trained.known[trained.target], scale == "robust", "scale_target")
    learned = f"{script.use('columns', SCALES[scale])}({fitted})"
    return [f"    center, spread = {learned}", "    found = (found - center) / spread"]


def _numbers(script: Script, trained: Trained) -> tuple[list[str], str]:
    """Several columns, each scaled by itself."""
    each = f"{script.use('columns', 'numbers')}(table, name) for name in {_own(trained, 'TARGETS')}"
    lines = [f"    found = np.stack([{each}], axis=1)"]
    if is_scaled(trained):
        scale = trained.spec.data.scale_target
        for name in trained.spec.data.targets:
            refuse_samples(trained, trained.known[name], scale == "robust", "scale_target")
        learned = f"{script.use('columns', SCALES[scale])}(column[train])"
        device = "" if trained.spec.training.device == "cpu" else ".to(DEVICE)"
        lines += [
            f"    figures = np.array([{learned} for column in found.T])",
            "    found = (found - figures[:, 0]) / figures[:, 1]",
            f"    center, spread = torch.from_numpy(figures.T.copy()){device}",
        ]
    return lines, "found.astype(np.float32)"


def _array(script: Script, trained: Trained) -> tuple[list[str], str]:
    lines = [f"    found = {script.use('columns', 'array_of')}(table, {_own(trained, 'TARGET')})"]
    lines += _scaled(script, trained, "found[train].ravel()")
    return lines, f"found.astype(np.float32).reshape(-1, {', '.join(map(str, trained.answer.shape))})"


def _image(script: Script, trained: Trained) -> tuple[list[str], str]:
    return [], pixels_of(script, trained, trained.known[trained.target], "table", _own(trained, "TARGET"))


def _mask(script: Script, trained: Trained) -> tuple[list[str], str]:
    column = trained.known[trained.target]
    pixels = steps_of(trained.spec.data, column.name).pixels or Pixels()
    _, height, width = image_shape(pixels, column)
    fit, told = script.use("images", FITS[pixels.fit]), f"table, {_own(trained, 'TARGET')}"
    return [], f"{script.use('images', 'masks_of')}({told}, {fit}, ({width}, {height}))"


def _tokens(script: Script, trained: Trained) -> tuple[list[str], str]:
    tokens = steps_of(trained.spec.data, trained.target).tokens
    assert tokens is not None, "an answer of tokens says how"
    function = script.use("texts", "following_tokens_of" if trained.spec.data.next_token else "tokens_of")
    name = _own(trained, "TARGET")
    texts = f"{script.use('texts', 'texts_of')}(table, {name})"
    told = f"{tokens.length}, keep={literal(tokens.keep)}, pad={literal(tokens.pad)}"
    lines = list(learned(script, tokens.cut, "tokenizer", "for text in", name)) if _has_own_words(trained) else []
    return lines, f"{function}(tokenizer, {texts}, {told})"


def _has_own_words(trained: Trained) -> bool:
    """Whether a text has the words of its own column: beside other answers, and of images, which have none."""
    return trained.head is not None or trained.pixels is not None


_LINES = {"numbers": _numbers, "array": _array, "image": _image, "mask": _mask} | dict.fromkeys(OF_WORDS, _tokens)
