"""A few answers of many places, for people to look at: images beside what was wanted, texts beside what was said."""

import base64
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from app.columns import spell_one
from app.specs.losses import LOSSES
from app.transforms import Preprocessing, TextStep
from worker.data.formats.pictures import encode_png
from worker.train.batches import Part
from worker.train.places import IGNORED
from worker.train.reading import numbers_of
from worker.train.sequences import in_order, spoken

NUM_SHOWN = 6
_MAX_SIDE = 128  # of a picture, in pixels
_MAX_WORDS = 64  # of a text

# Of the classes of a mask, the first of which is mostly what lies behind all others (Okabe and Ito, 2008).
COLOURS = ("#3a4150", "#e69f00", "#56b4e9", "#009e73", "#f0e442", "#0072b2", "#d55e00", "#cc79a7", "#b5bac4", "#7a4fbf")

Bytes = NDArray[np.uint8]
Row = dict[str, Any]


@torch.no_grad()
def report(model: nn.Module, part: Part, how: Preprocessing, device: torch.device) -> dict[str, Any]:
    """The first rows of a part with their answers, which are images or texts, as JSON."""
    target = how.target
    kept, wanted = part.take(slice(0, NUM_SHOWN))
    wanted = part.ready_targets(wanted.to(device)).cpu()
    outputs = model.eval()(part.ready(kept.to(device))).float().cpu()
    if isinstance(target.step, TextStep):
        words = target.step.words(outputs.shape[-1])
        if target.num_places is not None:
            pairs = zip(spoken(outputs).tolist(), in_order(wanted).tolist(), strict=True)
            rows = [{"target": _words(words, true), "output": _words(words, said)} for said, true in pairs]
            return {"kind": "sequence", "rows": rows}
        inputs: Sequence[Any] = kept.tolist() if target.next_token else [None] * len(kept)
        return {"kind": "tokens", "rows": [_text(words, *one) for one in zip(inputs, outputs, wanted, strict=True)]}
    pictures = [_picture(one / 255) for one in kept.cpu()] if how.pixels else [None] * len(kept)
    if target.num_classes is not None:
        rows = [_mask(*one) for one in zip(pictures, outputs.argmax(1), wanted, strict=True)]
        return {"kind": "mask", "colours": [_colour(i) for i in range(target.num_classes)], "rows": rows}
    said = outputs.sigmoid() if LOSSES[how.loss].outputs == "logits" else numbers_of(outputs, target.reading)
    return {"kind": "image", "rows": [_image(*one) for one in zip(pictures, said, wanted, strict=True)]}


def _image(seen: str | None, said: Tensor, wanted: Tensor) -> Row:
    error = float((said - wanted).abs().double().mean())
    return {"input": seen, "target": _picture(wanted), "output": _picture(said), "mae": spell_one(error)}


def _mask(seen: str | None, said: Tensor, wanted: Tensor) -> Row:
    wrong = float((said != wanted).double().mean())
    return {"input": seen, "target": _coloured(wanted), "output": _coloured(said), "wrong": wrong}


def _text(words: Sequence[str], seen: Sequence[int] | None, output: Tensor, wanted: Tensor) -> Row:
    """The tokens of the places that are judged: what was seen there, if it is the text, what is right, what is said."""
    places = (wanted != IGNORED).nonzero().flatten()[:_MAX_WORDS].tolist()
    told = [words[i] for i in output.argmax(-1)[places].tolist()]
    row: Row = {"target": [words[i] for i in wanted[places].tolist()], "output": told}
    return row if seen is None else {"input": [words[seen[i]] for i in places], **row}


def _words(words: Sequence[str], tokens: Sequence[int]) -> list[str]:
    """Of tokens in order, without what fills them up."""
    return [words[i] for i in tokens if i][:_MAX_WORDS]


def _picture(pixels: Tensor) -> str:
    """An image (C, H, W), from 0 to 1, as the address of a PNG."""
    found: Bytes = (pixels.nan_to_num().clamp(0, 1) * 255).round().to(torch.uint8).numpy()
    return _address(found[0] if len(found) == 1 else found.transpose(1, 2, 0))


def _coloured(classes: Tensor) -> str:
    """A mask (H, W) as the address of a PNG in which each class has its colour."""
    palette = np.array([_channels(_colour(i)) for i in range(int(classes.max()) + 1)], np.uint8)
    return _address(palette[classes.numpy()])


def _address(pixels: Bytes) -> str:
    step = max(1, -(-max(pixels.shape[:2]) // _MAX_SIDE))
    return f"data:image/png;base64,{base64.b64encode(encode_png(pixels[::step, ::step])).decode()}"


def _colour(number: int) -> str:
    return COLOURS[number] if number < len(COLOURS) else COLOURS[1 + number % (len(COLOURS) - 1)]


def _channels(colour: str) -> tuple[int, ...]:
    return tuple(int(colour[i : i + 2], 16) for i in (1, 3, 5))
