"""Models to start from, one of each family, made for what is fed and asked: definitions as a user writes them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import log2, prod
from typing import Any, cast

from app.models.schemas import TemplateOut, TemplatesIn
from app.specs.base import Shape
from app.specs.layers.base import written

Layers = list[dict[str, Any]]
MOST_HALVINGS = 3  # of a picture
WIDTH = 64  # of what a word becomes
FEWEST_CLASSES = 2  # where it is the model that says how many there are


@dataclass(frozen=True)
class Template:
    """A family of models: what it is for, and how it is written for what is asked."""

    key: str
    title: str
    help: str
    source: str  # where it was first told of
    needs: Callable[[TemplatesIn], str | None]  # None where it fits, else what it is for
    write: Callable[[TemplatesIn], dict[str, Any]]


def templates(asked: TemplatesIn) -> Iterator[TemplateOut]:
    """Every template: with its definition where it fits what is fed, else with what it is for."""
    for one in TEMPLATES:
        problem = one.needs(asked)
        definition = None if problem else {"name": one.title, **one.write(asked)}
        yield TemplateOut(
            key=one.key, title=one.title, help=one.help, source=one.source, problem=problem, definition=definition
        )


# what they are for


def _anything(asked: TemplatesIn) -> str | None:
    if asked.num_embeddings is not None:
        return "for numbers; words and codes are looked up first"
    return _one_answer(asked)


def _one_answer(asked: TemplatesIn) -> str | None:
    return None if len(asked.output_shape) == 1 else "answers once for a row, and this asks at many places"


def _pictures(asked: TemplatesIn) -> str | None:
    return _large_pictures(asked) or _one_answer(asked)


def _large_pictures(asked: TemplatesIn) -> str | None:
    if not _is_picture(asked):
        return "for pictures: channels, height, width"
    return "for pictures of 8 pixels a side at least" if min(asked.input_shape[1:]) < 8 else None


def _pixels(asked: TemplatesIn) -> str | None:
    if problem := _large_pictures(asked) or _no_quarters(asked):
        return problem
    if asked.output_shape[1:] != asked.input_shape[1:]:
        return "answers at each pixel: choose a mask, or the image itself, as the target"
    return None


def _no_quarters(asked: TemplatesIn) -> str | None:
    _, height, width = asked.input_shape
    if height % 4 or width % 4:
        return f"halves the sides twice: they must be divisible by 4, and these are {written((height, width))}"
    return None


def _itself(asked: TemplatesIn) -> str | None:
    if asked.num_embeddings is not None or prod(asked.input_shape) == 1:
        return "for several numbers, and pictures"
    if None in asked.output_shape or prod(cast(Shape, asked.output_shape)) != prod(asked.input_shape):
        return "learns what it is fed: choose the input itself as the target"
    return (_large_pictures(asked) or _no_quarters(asked)) if _is_picture(asked) else None


def _in_order(asked: TemplatesIn) -> str | None:
    is_series = len(asked.input_shape) == 2 and asked.num_embeddings is None
    return _one_answer(asked) if is_series or _is_text(asked) else "for what comes in order: time series, words"


def _next_words(asked: TemplatesIn) -> str | None:
    if not _is_text(asked):
        return "for words and other whole numbers to be looked up"
    if len(asked.output_shape) != 2:
        return "says what comes next at each place: choose the next token as the target"
    return None


def _columns(asked: TemplatesIn) -> str | None:
    return _one_answer(asked) if asked.num_columns else "for users, items and other columns that are embedded"


def _pairs(asked: TemplatesIn) -> str | None:
    are_columns = asked.num_columns == 2 and asked.input_shape == (2,)
    are_texts = asked.num_texts == 2 and _is_text(asked) and asked.input_shape[0] % 2 == 0
    return _one_answer(asked) if are_columns or are_texts else "for two of a kind: user and item, or two texts"


def _is_picture(asked: TemplatesIn) -> bool:
    return len(asked.input_shape) == 3 and asked.num_embeddings is None


def _is_text(asked: TemplatesIn) -> bool:
    return len(asked.input_shape) == 1 and asked.num_embeddings is not None and not asked.num_columns


# how they are written


def _neuron(asked: TemplatesIn) -> dict[str, Any]:
    return {"layers": [*_flat(asked.input_shape), _linear(_size(asked))]}


def _mlp(asked: TemplatesIn) -> dict[str, Any]:
    return {"layers": [*_flat(asked.input_shape), *_dense(64), *_dense(32), _linear(_size(asked))]}


def _lenet(asked: TemplatesIn) -> dict[str, Any]:
    layers = []
    for channels in (6, 16):
        conv = {"type": "conv2d", "out_channels": channels, "kernel_size": 5, "padding": "same"}
        layers += [conv, {"type": "relu"}, {"type": "max_pool2d", "kernel_size": 2}]
    return {"layers": [*layers, {"type": "flatten"}, *_dense(120), *_dense(84), _linear(_size(asked))]}


def _vgg(asked: TemplatesIn) -> dict[str, Any]:
    stage = [*_conv("$width"), *_conv("$width"), {"type": "max_pool2d", "kernel_size": 2}]
    stages = [_use("stage", f"stage{i + 1}", {"width": 32 << i}) for i in range(_num_halvings(asked.input_shape))]
    end = [{"type": "flatten"}, *_dense(128), {"type": "dropout", "p": 0.5}, _linear(_size(asked))]
    return {"blocks": {"stage": {"arguments": {"width": None}, "layers": stage}}, "layers": [*stages, *end]}


def _resnet(asked: TemplatesIn) -> dict[str, Any]:
    """As He et al. have it for small pictures: the first stage keeps the size, each further one halves it."""
    norm = {"type": "batch_norm", "name": "main"}
    plain = [*_conv("$width"), *_conv("$width")[:-2], norm, {"type": "add", "inputs": ["main", "input"]}]
    residual = {"arguments": {"width": None}, "layers": [*plain, {"type": "relu"}]}
    main = [*_conv("$width", stride=2), *_conv("$width")[:-2], norm]
    first = {"type": "conv2d", "out_channels": "$width", "kernel_size": 1, "stride": 2, "bias": False}
    shortcut = [{**first, "inputs": ["input"]}, {"type": "batch_norm", "name": "shortcut"}]
    joined = {"type": "add", "inputs": ["main", "shortcut"]}
    halving = {"arguments": {"width": None}, "layers": [*main, *shortcut, joined, {"type": "relu"}]}
    layers = [*_conv(16), _use("residual", "stage1", {"width": 16}, repeat=2)]
    for i in range(1, min(2, _num_halvings(asked.input_shape)) + 1):
        width = {"width": 16 << i}
        layers += [_use("halving", f"halving{i}", width), _use("residual", f"stage{i + 1}", width)]
    return {
        "blocks": {"residual": residual, "halving": halving},
        "layers": [*layers, {"type": "global_avg_pool"}, _linear(_size(asked))],
    }


def _unet(asked: TemplatesIn) -> dict[str, Any]:
    double = {"arguments": {"width": None}, "layers": [*_conv("$width"), *_conv("$width")]}
    larger = {"type": "conv_transpose2d", "out_channels": "$width", "kernel_size": 2, "stride": 2, "name": "larger"}
    up = {
        "inputs": ["below", "beside"],
        "arguments": {"width": None},
        "layers": [
            {**larger, "inputs": ["below"]},
            {"type": "concat", "inputs": ["beside", "larger"]},
            _use("double", None, {"width": "$width"}),
        ],
    }
    pool = {"type": "max_pool2d", "kernel_size": 2}
    layers = [
        _use("double", "down1", {"width": 16}),
        pool,
        _use("double", "down2", {"width": 32}),
        pool,
        _use("double", "bottom", {"width": 64}),
        {**_use("up", "up2", {"width": 32}), "inputs": ["bottom", "down2"]},
        {**_use("up", "up1", {"width": 16}), "inputs": ["up2", "down1"]},
        {"type": "conv2d", "out_channels": _size(asked), "kernel_size": 1},
    ]
    return {"blocks": {"double": double, "up": up}, "layers": layers}


def _autoencoder(asked: TemplatesIn) -> dict[str, Any]:
    layers = _through_code(asked.input_shape) if _is_picture(asked) else _narrowing(asked.input_shape)
    made = asked.input_shape if _is_picture(asked) else (prod(asked.input_shape),)
    wanted = list(asked.output_shape)
    return {"layers": layers if wanted == list(made) else [*layers, {"type": "reshape", "shape": wanted}]}


def _narrowing(shape: Shape) -> Layers:
    size = prod(shape)
    code = {**_linear(max(1, min(8, size // 2))), "name": "code"}
    return [*_flat(shape), *_dense(32), code, {"type": "relu"}, *_dense(32), _linear(size)]


def _through_code(shape: Shape) -> Layers:
    down = {"type": "conv2d", "kernel_size": 3, "stride": 2, "padding": 1}
    up = {"type": "conv_transpose2d", "kernel_size": 2, "stride": 2}
    relu = {"type": "relu"}
    return [
        {**down, "out_channels": 16},
        relu,
        {**down, "out_channels": 8, "name": "code"},
        relu,
        {**up, "out_channels": 16},
        relu,
        {**up, "out_channels": shape[0]},
    ]


def _lstm(asked: TemplatesIn) -> dict[str, Any]:
    return {"layers": [*_looked_up(asked), {"type": "lstm", "hidden_size": 32}, _linear(_size(asked))]}


def _bigru(asked: TemplatesIn) -> dict[str, Any]:
    gru = {"type": "gru", "hidden_size": 32, "num_layers": 2, "bidirectional": True}
    return {"layers": [*_looked_up(asked), gru, {"type": "dropout", "p": 0.2}, _linear(_size(asked))]}


def _encoder(asked: TemplatesIn) -> dict[str, Any]:
    first = _looked_up(asked) or [_linear(WIDTH)]
    layers = [*first, {"type": "learned_position"}, _transformer(), {"type": "mean", "dim": 1}]
    return {"layers": [*layers, _linear(_size(asked))]}


def _decoder(asked: TemplatesIn) -> dict[str, Any]:
    layers = [*_looked_up(asked), {"type": "learned_position"}, {**_transformer(), "is_causal": True}]
    return {"layers": [*layers, {**_linear(asked.output_shape[1] or 1), "name": "next"}]}


def _embedded(asked: TemplatesIn) -> dict[str, Any]:
    places = {"num_embeddings": asked.num_embeddings, "embedding_dim": 8, "num_columns": asked.num_columns}
    return {"layers": [{"type": "entity_embedding", **places}, *_dense(64), *_dense(32), _linear(_size(asked))]}


def _two_towers(asked: TemplatesIn) -> dict[str, Any]:
    half = asked.input_shape[0] // 2
    layers: Layers = []
    for name, start in (("first", 0), ("second", half)):
        cut = {"type": "slice", "dim": 1, "start": start, "stop": start + half, "inputs": ["input"]}
        layers += [cut, _use("tower", name, {})]
    embedding = {"type": "embedding", "num_embeddings": asked.num_embeddings, "embedding_dim": 32}
    tower = [embedding, {"type": "mean", "dim": 1}, *_dense(32), _linear(16)]
    together = {"type": "multiply", "inputs": ["first", "second"]}
    return {"blocks": {"tower": {"layers": tower}}, "layers": [*layers, together, _linear(_size(asked))]}


def _size(asked: TemplatesIn) -> int:
    return asked.output_shape[0] or FEWEST_CLASSES


def _linear(size: int) -> dict[str, Any]:
    return {"type": "linear", "out_features": size}


def _dense(size: int) -> Layers:
    return [_linear(size), {"type": "relu"}]


def _flat(shape: Shape) -> Layers:
    return [{"type": "flatten"}] if len(shape) > 1 else []


def _conv(width: int | str, stride: int = 1) -> Layers:
    conv = {"type": "conv2d", "out_channels": width, "kernel_size": 3, "padding": 1, "bias": False}
    return [conv | ({} if stride == 1 else {"stride": stride}), {"type": "batch_norm"}, {"type": "relu"}]


def _use(block: str, name: str | None, arguments: dict[str, Any], repeat: int = 1) -> dict[str, Any]:
    use: dict[str, Any] = {"type": "block", "block": block}
    use |= {"name": name} if name else {}
    use |= {"arguments": arguments} if arguments else {}
    return use | ({"repeat": repeat} if repeat > 1 else {})


def _looked_up(asked: TemplatesIn) -> Layers:
    if asked.num_embeddings is None:
        return []
    return [{"type": "embedding", "num_embeddings": asked.num_embeddings, "embedding_dim": WIDTH}]


def _transformer() -> dict[str, Any]:
    sizes = {"num_layers": 2, "nhead": 4, "dim_feedforward": 2 * WIDTH}
    return {"type": "transformer_encoder", **sizes, "activation": "gelu", "norm_first": True, "norm": True}


def _num_halvings(shape: Shape) -> int:
    """How often a picture is halved, so that four pixels a side are left or it was enough."""
    return max(1, min(MOST_HALVINGS, int(log2(min(shape[1:]) / 4))))


_DENSE = "https://doi.org/10.1038/323533a0"
TEMPLATES = (
    Template(
        "neuron",
        "One neuron",
        "A weight for each number, and a bias: linear or logistic regression",
        "https://doi.org/10.1037/h0042519",
        _anything,
        _neuron,
    ),
    Template(
        "mlp",
        "Hidden layers",
        "Two layers of 64 and 32 between input and answer: for tables",
        _DENSE,
        _anything,
        _mlp,
    ),
    Template(
        "lenet",
        "LeNet",
        "Two convolutions, then dense layers: small pictures (LeCun et al., 1998)",
        "https://doi.org/10.1109/5.726791",
        _pictures,
        _lenet,
    ),
    Template(
        "vgg",
        "VGG-like",
        "Stages of two small convolutions, each half the size (Simonyan, Zisserman, 2014)",
        "https://arxiv.org/abs/1409.1556",
        _pictures,
        _vgg,
    ),
    Template(
        "resnet",
        "ResNet",
        "Blocks that add to what they are given, so that depth does not harm (He et al., 2015)",
        "https://arxiv.org/abs/1512.03385",
        _pictures,
        _resnet,
    ),
    Template(
        "unet",
        "U-Net",
        "Down to what is there and up to where it is: an answer for each pixel (Ronneberger et al., 2015)",
        "https://arxiv.org/abs/1505.04597",
        _pixels,
        _unet,
    ),
    Template(
        "autoencoder",
        "Autoencoder",
        "Through a narrow code and back: learns what it is fed (Hinton, Salakhutdinov, 2006)",
        "https://doi.org/10.1126/science.1127647",
        _itself,
        _autoencoder,
    ),
    Template(
        "lstm",
        "LSTM",
        "Reads one after the other and remembers: time series, words (Hochreiter, Schmidhuber, 1997)",
        "https://doi.org/10.1162/neco.1997.9.8.1735",
        _in_order,
        _lstm,
    ),
    Template(
        "bigru",
        "Bidirectional GRU",
        "Two layers that read forwards and backwards (Cho et al., 2014)",
        "https://arxiv.org/abs/1406.1078",
        _in_order,
        _bigru,
    ),
    Template(
        "encoder",
        "Transformer encoder",
        "Each place looks at all others; their mean answers (Vaswani et al., 2017)",
        "https://arxiv.org/abs/1706.03762",
        _in_order,
        _encoder,
    ),
    Template(
        "decoder",
        "Transformer decoder",
        "Each place looks back and says what comes next, as GPT does (Radford et al., 2018)",
        "https://openai.com/index/language-unsupervised/",
        _next_words,
        _decoder,
    ),
    Template(
        "embedded",
        "Embedded columns",
        "A learned vector for each user, item or word, then hidden layers (Guo, Berkhahn, 2016)",
        "https://arxiv.org/abs/1604.06737",
        _columns,
        _embedded,
    ),
    Template(
        "two_towers",
        "Two towers",
        "Each of two things becomes a vector; their product answers (Covington et al., 2016)",
        "https://doi.org/10.1145/2959100.2959190",
        _pairs,
        _two_towers,
    ),
)
