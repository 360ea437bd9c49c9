"""Runs of every kind that there is, each to be written as a script."""

import csv
import io
import zipfile
from datetime import UTC, datetime, timedelta
from math import prod
from typing import Any

import numpy as np
import safetensors.torch
import torch
from PIL import Image

from app import gallery
from tests.test_examples import HEART
from worker.nn.backbone import vision_models


def table_csv() -> bytes:
    """Rows with everything that columns can be: gaps, skew, words, codes, times, groups, repeats."""
    random = np.random.default_rng(3)
    file = io.StringIO()
    writer = csv.writer(file)
    names = ("age", "income", "kind", "code", "flag", "moment", "group", "note", "part", "value", "label", "answer")
    writer.writerow(names)
    begin = datetime(2023, 5, 1, tzinfo=UTC)
    words = ["red", "green", "Blue", "sun", "rain", "n/a", "wind"]
    for i in range(230):
        age = "" if random.random() < 0.1 else f"{random.normal(40, 12):.2f}"
        income = "" if random.random() < 0.05 else f"{random.lognormal(8, 1):.1f}"
        kind = "" if random.random() < 0.08 else random.choice(["a", "b", "c", "d"], p=[0.5, 0.3, 0.19, 0.01])
        moment = (begin + timedelta(hours=7 * (i // 2))).strftime("%Y-%m-%d %H:%M")
        note = " ".join(random.choice(words, random.integers(1, 9)))
        part = random.choice(["train", "train", "train", "check", "unused"])
        score = (0 if age == "" else float(age) / 20) + (kind == "a") + random.normal(0, 0.3)
        label = "low" if score < 2 else "mid" if score < 3 else "high"
        row = [age, income, kind, random.integers(1, 6), random.random() < 0.4, moment, f"g{random.integers(0, 30)}"]
        writer.writerow([*row, note, part, f"{score:.3f}", label, "yes" if score > 2.4 else "no"])
        if i % 40 == 0:
            writer.writerow([*row, note, part, f"{score:.3f}", label, "yes" if score > 2.4 else "no"])
    return file.getvalue().encode()


def images_zip() -> bytes:
    """Pictures of two classes, of several sizes, gray and in colours, one with transparency."""
    random = np.random.default_rng(5)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for i in range(60):
            height, width = random.integers(9, 16, 2)
            pixels = random.integers(0, 120, (height, width, 4 if i == 7 else 3), np.uint8)
            bright = i % 2
            pixels[: height // 2] += np.uint8(110 * bright)
            buffer = io.BytesIO()
            Image.fromarray(pixels).save(buffer, "PNG")
            archive.writestr(f"{('dark', 'light')[bright]}/{i}.png", buffer.getvalue())
    return file.getvalue()


def hostile_csv() -> bytes:
    """Columns whose names would be Python, if they were taken for it."""
    names = ['g"""\n    pwned()\n    """', *(f"a}}{i}" for i in range(6)), "y"]
    written = io.StringIO()
    rows = csv.writer(written)
    rows.writerow(names)
    rows.writerows([[i % 3, *(i * j for j in range(6)), i] for i in range(30)])
    return written.getvalue().encode()


FILES = {"people.csv": table_csv, "pictures.zip": images_zip, "hostile.csv": hostile_csv}
LINEAR: dict[str, Any] = {"layers": [{"type": "linear", "out_features": 1}]}
THREE: dict[str, Any] = {
    "layers": [{"type": "linear", "out_features": 12}, {"type": "tanh"}, {"type": "linear", "out_features": 3}]
}
SMALL_CONVOLUTION: dict[str, Any] = {
    "layers": [
        {"type": "conv2d", "out_channels": 4, "kernel_size": 3, "max_norm": 0.9},
        {"type": "batch_norm"},
        {"type": "relu"},
        {"type": "flatten"},
        {"type": "linear", "out_features": 1},
    ]
}


def people(model: dict[str, Any], data: dict[str, Any], **training: Any) -> dict[str, Any]:
    """A run on the table."""
    return {
        "name": "people",
        "dataset": "people.csv",
        "model": model,
        "data": {"missing": {"type": "drop"}, **data},
        "training": {"num_epochs": 2, "batch_size": 16, "loss": {"type": "mse_loss"}, **training},
    }


def pictures(data: dict[str, Any], **training: Any) -> dict[str, Any]:
    """A run on the images."""
    pixels = {"height": 10, "width": 9, **data.pop("pixels", {})}
    return {
        "name": "pictures",
        "dataset": "pictures.zip",
        "model": SMALL_CONVOLUTION,
        "data": {"features": ["image"], "target": "label", "columns": {"image": {"pixels": pixels}}, **data},
        "training": {
            "num_epochs": 2,
            "batch_size": 8,
            "loss": {"type": "binary_cross_entropy_with_logits"},
            "metrics": [{"type": "accuracy"}],
            **training,
        },
    }


def program(name: str, **training: Any) -> dict[str, Any]:
    """A program of the gallery, with some of its training changed."""
    body = gallery.definition(name)
    return body | {"training": body["training"] | training}


def forward(name: str, **training: Any) -> dict[str, Any]:
    """A program that forecasts, in folds by time."""
    body = program(name, **training)
    split = {"type": "k_fold", "num_folds": 4, "fold": 2, "test": 0.1, "time": body["data"]["window"]["time"]}
    return body | {"data": body["data"] | {"split": split}}


FILLED = {
    "age": {"missing": {"type": "median", "indicator": True}, "scale": "robust"},
    "income": {"missing": {"type": "mean"}, "clip_share": 0.05, "low": 100, "log": True, "scale": "standardize"},
    "kind": {"missing": {"type": "most_frequent"}},
    "code": {"categories": "one_hot"},
    "moment": {"parts": ["year", "month", "weekday", "hour", "elapsed"], "scale": "min_max"},
    "note": {"categories": "hashed", "num_buckets": 16},
}
FED = ["age", "income", "kind", "code", "flag", "moment", "note"]
CLASSES = {"type": "cross_entropy"}
ACCURACY = {"type": "accuracy"}
SUITE = {
    "celsius": program("celsius", num_epochs=12),
    "moons": program("moons", num_epochs=1),
    "digits": program("digits-builtin", num_epochs=1),
    "waves": program("waves", num_epochs=1),
    "every_kind_of_column": people(
        THREE,
        {
            "features": FED,
            "target": "label",
            "columns": FILLED,
            "split": {"type": "k_fold", "num_folds": 4, "fold": 2, "test": 0.1, "stratify": True, "seed": 5},
        },
        loss=CLASSES | {"label_smoothing": 0.1},
        metrics=[{"type": "f1"}, {"type": "top_k_accuracy", "k": 2}],
        optimizer={"type": "rmsprop", "lr": 0.01, "momentum": 0.5, "centered": True},
        schedule={"type": "cosine", "eta_min": 0.001, "warmup_steps": 5},
        max_grad_norm=0.7,
        early_stopping={"series": "validation/f1", "patience": 1},
    ),
    "tokens_and_embedded": people(
        {
            "layers": [
                {"type": "entity_embedding", "num_embeddings": 12, "embedding_dim": 3, "num_columns": 2, "l1": 0.01},
                {"type": "linear", "out_features": 1, "weight_init": {"type": "normal", "std": 0.3}, "max_norm": 0.4},
            ]
        },
        {
            "features": ["kind", "code", "age"],
            "target": "value",
            "scale_target": "standardize",
            "repeats": "drop",
            "columns": {
                "kind": {"categories": "embedded", "missing": {"type": "most_frequent"}},
                "code": {"categories": "embedded"},
            },
            "split": {"type": "column", "column": "part", "train": ["train"], "validation": ["check"], "test": []},
        },
        metrics=[{"type": "rmse"}, {"type": "r2"}],
        optimizer={"type": "adamw", "lr": 0.02, "amsgrad": True},
        schedule={"type": "step", "step_size": 1, "gamma": 0.5},
        micro_batch_size=6,
        precision="bfloat16",
        ema={"decay": 0.9, "start_step": 9},
    ),
    "pictures": pictures(
        {
            "pixels": {"normalize": "standardize", "fit": "pad"},
            "split": {"type": "shares", "train": 0.65, "validation": 0.35, "test": 0, "seed": 9},
            "augment": [
                {"type": "random_horizontal_flip"},
                {"type": "random_rotation", "degrees": 20},
                {"type": "color_jitter", "saturation": 0.3},
                {"type": "mixup"},
                {"type": "cutmix"},
            ],
        },
        optimizer={"type": "sgd", "lr": 0.05, "momentum": 0.9, "nesterov": True},
    ),
}


def heart_csv() -> bytes:
    """As many rows and the columns of heart.csv."""
    random = np.random.default_rng(1)
    rows = random.integers(0, 6, (303, len(HEART)))
    lines = [",".join([*HEART, "output"]), *(",".join(map(str, [*row, int(row.sum() > 32)])) for row in rows)]
    return "\n".join(lines).encode()


def digits_csv() -> bytes:
    """As many columns as the digits of MNIST have, and few rows."""
    random = np.random.default_rng(2)
    rows = random.integers(0, 256, (400, 784))
    lines = [",".join(["label", *(f"pixel{i}" for i in range(784))])]
    lines += [",".join(map(str, [i % 10, *row])) for i, row in enumerate(rows)]
    return "\n".join(lines).encode()


def series_csv() -> bytes:
    """Two series one among the other, with gaps in what is seen and in what is predicted."""
    random = np.random.default_rng(4)
    lines = ["day,shop,sold,rain,open,kind"]
    for i in random.permutation(400).tolist():
        sold = "" if random.random() < 0.02 else f"{10 + 5 * np.sin(i / 14) + random.normal():.3f}"
        rain = "" if random.random() < 0.02 else f"{random.random():.3f}"
        lines.append(f"{i // 2},{'north' if i % 2 else 'south'},{sold},{rain},{i % 14 < 10},{'abc'[i // 7 % 3]}")
    return "\n".join(lines).encode()


def arrays_npz() -> bytes:
    """An array and a number in each row, and what to predict."""
    random = np.random.default_rng(6)
    file = io.BytesIO()
    x = random.normal(2, 3, (150, 6, 4))
    np.savez(file, x=x, age=random.random(150), y=x.mean(axis=(1, 2)) + random.normal(0, 0.1, 150))
    return file.getvalue()


def labelled_zip() -> bytes:
    """Images beside columns of a table."""
    random = np.random.default_rng(8)
    file = io.BytesIO()
    lines = ["file,weight,price"]
    with zipfile.ZipFile(file, "w") as archive:
        for i in range(70):
            pixels = random.integers(0, 256, (8, 8), np.uint8)
            buffer = io.BytesIO()
            Image.fromarray(pixels).save(buffer, "PNG")
            archive.writestr(f"{i}.png", buffer.getvalue())
            lines.append(f"{i}.png,{random.random():.3f},{pixels.mean():.2f}")
        archive.writestr("labels.csv", "\n".join(lines))
    return file.getvalue()


def of_mobilenet() -> dict[str, torch.Tensor]:
    """Weights of a network, but for one tensor, and one of another shape."""
    torch.manual_seed(11)
    found: dict[str, torch.Tensor] = vision_models().mobilenet_v3_small(weights=None).state_dict()
    found["features.0.0.weight"] = torch.zeros(2, 3)
    del found["features.0.1.bias"]
    return found


def mobilenet_pth() -> bytes:
    """The same as a training on several processors saves it."""
    file = io.BytesIO()
    tensors = {f"module.{name}": one for name, one in of_mobilenet().items()}
    torch.save({"epoch": 3, "state_dict": tensors}, file)
    return file.getvalue()


FILES |= {
    "mobilenet.safetensors": lambda: safetensors.torch.save(of_mobilenet()),
    "mobilenet.pth": mobilenet_pth,
    "heart.csv": heart_csv,
    "train.csv": digits_csv,
    "series.csv": series_csv,
    "arrays.npz": arrays_npz,
    "labelled.zip": labelled_zip,
}


def shares(**split: Any) -> dict[str, Any]:
    """Some figures, and rows that are split so."""
    return {"features": ["income", "code"], "target": "value", "scale": "standardize", "split": split}


def series(window: dict[str, Any], data: dict[str, Any], outputs: int = 1, **training: Any) -> dict[str, Any]:
    """A run on the two series."""
    whole = {"length": 6, "time": "day", "series": "shop", **window}
    split = {"type": "time", "column": "day", "train": 0.6, "validation": 0.2, "test": 0.2}
    model = {"layers": [{"type": "flatten"}, {"type": "normalization"}, {"type": "linear", "out_features": outputs}]}
    body = people(model, {"window": whole, "split": split, "features": ["rain", "sold"], **data}, **training)
    return body | {"name": "series", "dataset": "series.csv"}


EMBEDDED = {"type": "embedding", "num_embeddings": 14, "embedding_dim": 5}


def texts(tokens: dict[str, Any]) -> dict[str, Any]:
    """A run on texts."""
    layers = [
        EMBEDDED,
        {"type": "gru", "hidden_size": 4},
        {"type": "linear", "out_features": 1},
        {"type": "sigmoid"},
    ]
    data = {
        "features": ["note"],
        "target": "answer",
        "columns": {"note": {"tokens": {"length": 5, "vocabulary_size": 14, **tokens}}},
    }
    return people({"layers": layers}, data, loss={"type": "binary_cross_entropy"}, metrics=[{"type": "recall"}])


SUITE["next_words"] = texts({"pad": "start", "keep": "end", "length": 4})
SUITE["next_words"] |= {"model": {"layers": [EMBEDDED, {"type": "linear", "out_features": 14}]}}
SUITE["next_words"]["data"] |= {"target": "note", "next_token": True}
SUITE["next_words"]["training"] |= {"loss": CLASSES, "metrics": [ACCURACY, {"type": "f1"}]}


def network(weights: dict[str, Any], **layer: Any) -> dict[str, Any]:
    """A known network before a head."""
    front = {"type": "backbone", "architecture": "mobilenet_v3_small", "weights": weights, **layer}
    return {"layers": [front, *LINEAR["layers"]]}


SMALL = {"pixels": {"height": 32, "width": 32}}
SUITE |= {
    "begun": program("celsius", num_epochs=12, start_from={"run_id": "celsius"}),
    "begun_up_to": pictures({}, start_from={"run_id": "pictures", "up_to": "1"}),
    "backbone_of_a_file": pictures(SMALL, num_epochs=1, batch_size=3)
    | {"model": network({"type": "file", "id": "mobilenet.safetensors"})},
}

BLOCKS: dict[str, Any] = {
    "blocks": {
        "wide": {
            "arguments": {"width": None},
            "layers": [
                {"type": "linear", "out_features": "$width", "l2": 0.01, "weight_init": {"type": "orthogonal"}},
                {"type": "dropout", "p": 0.4},
                {"type": "tanh"},
            ],
        }
    },
    "layers": [
        {"type": "normalization", "name": "even"},
        {"type": "block", "block": "wide", "arguments": {"width": 6}, "name": "first"},
        {"type": "block", "block": "wide", "arguments": {"width": 6}, "repeat": 2},
        {"type": "add", "inputs": ["first", "2"]},
        {"type": "linear", "out_features": 1, "max_norm": 0.5, "bias_init": {"type": "values", "values": [0.3]}},
    ],
}
PACED: dict[str, Any] = {
    "layers": [
        {"type": "linear", "out_features": 5, "freeze": True, "max_norm": 0.2},
        {"type": "batch_norm", "freeze": True, "unfreeze_after": 1, "lr_factor": 3},
        {"type": "dropout", "p": 0.3},
        {"type": "linear", "out_features": 5, "lr_factor": 0.1, "l2": 0.1},
        {"type": "linear", "out_features": 5, "l2": 0.1},
        {"type": "tanh"},
        {"type": "linear", "out_features": 1},
    ]
}
TRANSPOSED: dict[str, Any] = {
    "layers": [
        {"type": "conv2d", "out_channels": 4, "kernel_size": 3, "weight_init": {"type": "kaiming_normal"}},
        {"type": "conv_transpose2d", "out_channels": 4, "kernel_size": 2, "groups": 2, "max_norm": 0.3, "l1": 0.001},
        {"type": "flatten"},
        {"type": "linear", "out_features": 2},
        {"type": "log_softmax"},
    ]
}
NORMED: dict[str, Any] = {
    "layers": [
        {"type": "linear", "out_features": 4},
        {"type": "batch_norm"},
        {"type": "dropout", "p": 0.2},
        {"type": "linear", "out_features": 1},
    ]
}
REST = {"train": 0.6, "validation": 0.2, "test": 0.2}
IN_FILES = {  # where memory is short
    "rows_in_files": people(
        NORMED,
        {"features": ["code"], "target": "value", "split": {"type": "shares", "train": 1, "validation": 0, "test": 0}},
        batch_size=5,
    ),
    "images_in_files": pictures({"augment": [{"type": "mixup"}]}),
    "windows_in_files": series({"horizon": 1}, {"target": "open"}, loss={"type": "binary_cross_entropy_with_logits"}),
}

FROZEN = {"type": "backbone", "architecture": "mobilenet_v3_small", "freeze": True, "unfreeze_after": 1}
FULL = {
    "backbone": pictures({"pixels": {"height": 40, "width": 33}}, num_epochs=1, batch_size=3)
    | {"model": {"layers": [{"type": "backbone", "architecture": "resnet18"}, *LINEAR["layers"]]}},
    "frozen_backbone": pictures({"pixels": {"height": 40, "width": 33}}, num_epochs=2, batch_size=6)
    | {"model": {"layers": [FROZEN, *LINEAR["layers"]]}},
    "begun_with_a_backbone": pictures(SMALL, num_epochs=1, batch_size=3, start_from={"run_id": "backbone_of_a_file"})
    | {"model": network({"type": "file", "id": "mobilenet.pth"}, freeze=True)},
    "backbone_of_the_hub": pictures(SMALL, num_epochs=1, batch_size=4) | {"model": network({"type": "hub"})},
    "backbone_without_batch_norm": pictures({"pixels": {"height": 32, "width": 32}}, num_epochs=1, batch_size=4)
    | {"model": {"layers": [{"type": "backbone", "architecture": "convnext_tiny"}, *LINEAR["layers"]]}},
    **{
        name: program(name, num_epochs=3)
        for name in ("xor-adam", "xor-descent", "spiral", "heart-builtin", "ratings", "text-pairs", "sequences")
    },
    **{name: program(name, num_epochs=2) | {"dataset": "heart.csv"} for name in ("heart-raw", "heart-scaled", "heart")},
    "digits-upload": program("digits", num_epochs=3) | {"dataset": "train.csv"},
    "dealt": people(LINEAR, shares(type="shares", seed=7, **REST)),
    "in_order": people(LINEAR, shares(type="shares", shuffle=False, **REST), shuffle=False, loss={"type": "l1_loss"}),
    "grouped": people(LINEAR, shares(type="grouped", column="group", seed=3, **REST)),
    "by_time": people(LINEAR, shares(type="time", column="moment", **REST)),
    "folds": people(LINEAR, shares(type="k_fold", num_folds=3, fold=0, seed=2)),
    "folds_of_windows": forward("waves", num_epochs=1),
    "folds_in_order": people(LINEAR, shares(type="k_fold", num_folds=3, fold=1, shuffle=False, test=0.1)),
    "folds_by_time": people(LINEAR, shares(type="k_fold", num_folds=4, fold=1, time="moment", test=0.1)),
    "folds_of_groups": people(LINEAR, shares(type="k_fold", num_folds=3, fold=2, group="group", seed=4, test=0.1)),
    **{
        f"folds_of_{name}": people(
            THREE,
            shares(type="k_fold", num_folds=3, fold=1, stratify=True, **said) | {"target": "label"},
            loss=CLASSES,
        )
        for name, said in (
            ("classes_in_order", {"shuffle": False}),
            ("mixed_groups", {"group": "group"}),
            ("mixed_groups_in_order", {"group": "group", "shuffle": False}),
        )
    },
    "strata": people(
        THREE,
        shares(type="shares", stratify=True, **REST) | {"target": "label", "repeats": "drop"},
        loss=CLASSES,
        batch_size=None,
        num_epochs=12,
        metrics=[{"type": "accuracy"}, {"type": "precision"}],
    ),
    "one_row_left_over": people(
        NORMED,
        {"features": ["code"], "target": "value", "split": {"type": "shares", "train": 1, "validation": 0, "test": 0}},
        batch_size=5,
        shuffle=True,
    ),
    "one_row_left_over_in_order": people(
        NORMED,
        {"features": ["code"], "target": "value", "split": {"type": "shares", "train": 1, "validation": 0, "test": 0}},
        batch_size=5,
        shuffle=False,
        device="cpu",
    ),
    "blocks": people(
        BLOCKS,
        shares(type="shares", **REST) | {"scale_target": "robust"},
        optimizer={"type": "sgd", "lr": 0.02, "momentum": 0.8, "dampening": 0.1, "weight_decay": 0.01},
        schedule={"type": "exponential", "gamma": 0.5, "every": 3, "unit": "step", "warmup_steps": 4},
        metrics=[{"type": "mae"}, {"type": "mse"}],
        early_stopping={"series": "train/mae", "patience": 1, "min_delta": 0.1, "restore_best": False},
    ),
    "blocks_begun": people(BLOCKS, shares(type="shares", **REST), start_from={"run_id": "blocks"}),
    "blocks_begun_up_to": people(
        BLOCKS, shares(type="shares", **REST), seed=3, start_from={"run_id": "blocks", "up_to": "first"}
    ),
    "begun_of_another_shape": people(
        BLOCKS, shares(type="shares", **REST) | {"features": ["code"]}, start_from={"run_id": "blocks"}
    ),
    "paced": people(PACED, shares(type="shares", **REST), batch_size=40, num_epochs=4, max_grad_norm=0.5),
    "paced_and_falling": people(
        PACED, shares(type="shares", **REST), batch_size=40, num_epochs=4, schedule={"type": "cosine"}
    ),
    "ordinal_and_constants": people(
        THREE,
        {
            "features": ["kind", "age", "flag", "moment", "note"],
            "target": "label",
            "categories": "ordinal",
            "missing": {"type": "constant", "value": 7, "indicator": True},
            "columns": {"note": {"categories": "hashed", "num_buckets": 8}, "age": {"scale": "min_max", "high": 60}},
        },
        loss=CLASSES,
        schedule={"type": "step", "step_size": 4, "gamma": 0.3, "unit": "step", "warmup_steps": 3},
    ),
    "classes_of_a_number": people(
        LINEAR,
        {"features": ["age", "code"], "target": "flag", "missing": {"type": "median"}, "scale_target": "none"},
        loss={"type": "binary_cross_entropy_with_logits"},
        metrics=[{"type": "f1"}],
    ),
    "words": texts({}),
    "characters": texts({"level": "characters", "pad": "end", "keep": "end", "lowercase": False}),
    "pairs": texts({"level": "bpe"}),
    "forecast": series({"horizon": 3, "stride": 2}, {"target": "sold", "scale_target": "standardize"}, outputs=3),
    "marked": series(
        {"ahead": 0, "length": 4}, {"target": "kind", "scale": "robust"}, 3, loss=CLASSES, metrics=[ACCURACY]
    ),
    "opened": series(
        {"horizon": 1, "series": None, "time": None, "length": 3},
        {"target": "open", "split": {"type": "shares", "shuffle": False, **REST}},
        loss={"type": "binary_cross_entropy_with_logits"},
    ),
    "arrays": people(
        {"layers": [{"type": "flatten"}, {"type": "linear", "out_features": 1}]},
        {"features": ["x"], "target": "y", "scale": "standardize"},
    )
    | {"dataset": "arrays.npz"},
    "arrays_and_numbers": people(LINEAR, {"target": "y", "scale": "min_max"}) | {"dataset": "arrays.npz"},
    "images_and_numbers": people(
        LINEAR,
        {
            "features": ["image", "weight"],
            "target": "price",
            "columns": {"image": {"pixels": {"normalize": "standardize"}}},
        },
    )
    | {"dataset": "labelled.zip"},
    "stretched": pictures({"pixels": {"fit": "stretch", "channels": "gray"}}) | {"model": TRANSPOSED},
    "cropped": pictures({"augment": [{"type": "random_crop", "padding": 2}, {"type": "random_erasing"}]}),
    "noisy": pictures(
        {
            "pixels": {"normalize": "standardize"},
            "augment": [{"type": "random_vertical_flip", "p": 0.3}, {"type": "gaussian_noise"}],
        }
    ),
    "cut": pictures({"augment": [{"type": "cutmix"}]}),
}
FULL |= {name: program(name, num_epochs=1) for name in ("autoencoder", "unet", "decoder")}
FULL |= {
    "several_numbers": people(
        {"layers": [{"type": "linear", "out_features": 2}]},
        {
            "features": ["code", "age"],
            "target": ["income", "value"],
            "scale_target": "standardize",
            "repeats": "drop",
        },
        metrics=[{"type": "mae"}, {"type": "r2"}],
    ),
    "arrays_again": people(
        {"layers": [{"type": "flatten"}, {"type": "linear", "out_features": 24}, {"type": "reshape", "shape": [6, 4]}]},
        {"features": ["x"], "target": "x", "scale_target": "robust"},
        metrics=[{"type": "rmse"}, {"type": "r2"}],
    )
    | {"dataset": "arrays.npz"},
    "restored": pictures(
        {
            "target": "image",
            "augment": [{"type": "random_crop", "padding": 1}, {"type": "gaussian_noise"}],
            "pixels": {"normalize": "standardize"},
        },
        metrics=[{"type": "accuracy"}],
        batch_size=16,
    )
    | {"model": {"layers": [{"type": "conv2d", "out_channels": 3, "kernel_size": 3, "padding": "same"}]}},
}
FULL["stretched"]["training"] |= {"loss": {"type": "nll_loss"}}
FULL["heart-raw"]["training"] |= {"metrics": [{"type": "accuracy"}]}

TOWERS_AND_HEADS: dict[str, Any] = {
    "inputs": ["note", "person", "place"],
    "outputs": ["label", "value", "13", "told"],
    "layers": [
        {"type": "embedding", "num_embeddings": 14, "embedding_dim": 3},
        {"type": "flatten"},
        {"type": "linear", "out_features": 4, "name": "words"},
        {"type": "normalization", "inputs": ["person"]},
        {"type": "linear", "out_features": 6},
        {"type": "relu", "name": "figures"},
        {"type": "entity_embedding", "num_embeddings": 12, "embedding_dim": 2, "num_columns": 2, "inputs": ["place"]},
        {"type": "concat", "inputs": ["words", "figures", "6"]},
        {"type": "linear", "out_features": 9},
        {"type": "dropout", "p": 0.2},
        {"type": "tanh", "name": "trunk"},
        {"type": "linear", "out_features": 3, "name": "label"},
        {"type": "linear", "out_features": 1, "inputs": ["trunk"], "name": "value"},
        {"type": "linear", "out_features": 1, "inputs": ["trunk"]},
        {"type": "linear", "out_features": 2, "inputs": ["trunk"], "name": "told"},
    ],
}
SEVERAL: dict[str, Any] = {
    "name": "several",
    "dataset": "people.csv",
    "model": TOWERS_AND_HEADS,
    "data": {
        "inputs": {"note": ["note"], "person": ["age", "flag", "moment"], "place": ["kind", "code"]},
        "outputs": {
            "13": {"target": "answer"},
            "value": {"target": "value", "scale_target": "standardize"},
            "label": {"target": "label"},
            "told": {"target": ["income", "value"], "scale_target": "min_max"},
        },
        "missing": {"type": "drop"},
        "columns": {
            "note": {"tokens": {"length": 5, "vocabulary_size": 14}},
            "age": {"missing": {"type": "median", "indicator": True}, "scale": "standardize"},
            "moment": {"parts": ["weekday", "elapsed"], "scale": "min_max"},
            "kind": {"categories": "embedded"},
            "code": {"categories": "embedded"},
        },
        "split": {"type": "shares", **REST},
    },
    "training": {
        "num_epochs": 3,
        "batch_size": 16,
        "outputs": {
            "label": {"loss": CLASSES | {"label_smoothing": 0.1}, "weight": 0.7, "metrics": [ACCURACY, {"type": "f1"}]},
            "value": {"loss": {"type": "l1_loss"}, "metrics": [{"type": "mae"}, {"type": "r2"}]},
            "13": {"loss": {"type": "binary_cross_entropy_with_logits"}, "weight": 3, "metrics": [{"type": "recall"}]},
            "told": {"loss": {"type": "mse_loss"}, "weight": 0.3, "metrics": [{"type": "rmse"}]},
        },
        "early_stopping": {"series": "train/label_f1", "patience": 2, "restore_best": True},
    },
}
# Of two numbers side by side torch sums otherwise than of each alone: of so many rows it shows within ten steps.
SIDE_BY_SIDE: dict[str, Any] = people(
    {
        "outputs": ["value", "flag"],
        "layers": [
            {"type": "linear", "out_features": 100},
            {"type": "tanh", "name": "trunk"},
            {"type": "linear", "out_features": 1, "name": "value"},
            {"type": "linear", "out_features": 1, "inputs": ["trunk"], "name": "flag"},
        ],
    },
    {
        "features": ["age", "code", "income"],
        "scale": "standardize",
        "outputs": {"value": {"target": "value"}, "flag": {"target": "flag"}},
    },
    num_epochs=4,
    batch_size=32,
    optimizer={"type": "adam", "lr": 0.01},
    outputs={
        "value": {"loss": {"type": "mse_loss"}},
        "flag": {"loss": {"type": "binary_cross_entropy_with_logits"}},
    },
)
SIDE_BY_SIDE["training"].pop("loss")
SUITE |= {
    "two-heads": program("two-heads", num_epochs=2),
    "several_of_both": SEVERAL,
    "side_by_side": SIDE_BY_SIDE,
}


def labels_csv() -> bytes:
    """A class that is rare, labels, counts, shares of a whole, words."""
    random = np.random.default_rng(9)
    lines = ["a,b,c,d,kind,old,new,sold,red,green,blue,said"]
    for _ in range(160):
        a, b, c = random.normal(size=3)
        kind = "rare" if a > 1.2 else "often" if b > 0 else "also"
        shares = random.dirichlet(np.exp([a, b, c]))
        said = " ".join(random.choice(["go", "stop", "wait"], random.integers(1, 4)))
        figures = [random.poisson(np.exp(1 + 0.5 * a)), *(f"{one:.4f}" for one in shares)]
        told = [
            f"{a:.3f}",
            f"{b:.3f}",
            f"{c:.3f}",
            f"{a + b:.3f}",
            kind,
            int(a + b > 0.8),
            int(random.random() < 0.3),
            *figures,
            said,
        ]
        lines.append(",".join(map(str, told)))
    return "\n".join(lines).encode()


FILES |= {"labels.csv": labels_csv}

# Every loss at once, each of an output of its own: what it is held to, how many numbers it gives, and how it ends.
BINARY = "binary_cross_entropy_with_logits"
JUDGED: dict[str, tuple[dict[str, Any], dict[str, Any], int | list[int], str | None]] = {
    "huber": ({"type": "huber_loss", "delta": 0.5}, {"target": "c", "scale_target": "standardize"}, 1, None),
    "poisson": ({"type": "poisson_nll_loss"}, {"target": "sold"}, 1, None),
    "rate": ({"type": "poisson_nll_loss", "log_input": False, "full": True}, {"target": "sold"}, 1, "softplus"),
    "normal": ({"type": "gaussian_nll_loss"}, {"target": ["b", "c"], "scale_target": "min_max"}, 4, None),
    "shares": ({"type": "kl_div"}, {"target": ["red", "green", "blue"]}, 3, "log_softmax"),
    "smooth": ({"type": "smooth_l1_loss"}, {"target": ["b", "c"]}, 2, None),
    "balanced": ({"type": "cross_entropy", "weight": "balanced", "label_smoothing": 0.1}, {"target": "kind"}, 3, None),
    "weighed": ({"type": "nll_loss", "weight": {"rare": 3}}, {"target": "kind"}, 3, "log_softmax"),
    "focal": ({"type": "focal_loss", "gamma": 1.5, "weight": [1, 1, 4]}, {"target": "kind"}, 3, None),
    "margin": ({"type": "multi_margin_loss", "p": 2, "weight": "balanced"}, {"target": "kind"}, 3, None),
    "yes": (
        {"type": "binary_cross_entropy_with_logits", "pos_weight": "balanced"},
        {"target": ["old", "new"]},
        2,
        None,
    ),
    "ordered": ({"type": "ctc_loss"}, {"target": "said"}, [7, 5], "log_softmax"),
    "binary_focal": ({"type": "sigmoid_focal_loss"}, {"target": "old"}, 1, None),
    "hinge": ({"type": "hinge_loss", "margin": 0.5}, {"target": "old"}, 1, None),
    "soft": ({"type": "soft_margin_loss"}, {"target": "new"}, 1, None),
    "labels": ({"type": "multilabel_soft_margin_loss"}, {"target": ["old", "new"]}, 2, None),
    "ranked": ({"type": "multilabel_margin_loss"}, {"target": ["old", "new"]}, 2, None),
}

MEASURED = {
    "poisson": [{"type": "mae"}, {"type": "r2"}],
    "rate": [{"type": "rmse"}],
    "normal": [{"type": "mae"}, {"type": "r2"}],
    "shares": [{"type": "mae"}],
    "hinge": [{"type": "f1"}],
    "ordered": [ACCURACY, {"type": "token_error"}],
    "labels": [ACCURACY],
}


def judged(names: list[str], **training: Any) -> dict[str, Any]:
    """A run with an output for each of these losses."""
    layers: list[dict[str, Any]] = [{"type": "linear", "out_features": 7}, {"type": "tanh", "name": "trunk"}]
    for name in names:
        _, _, count, end = JUDGED[name]
        shape = count if isinstance(count, list) else [count]
        last = {"type": "linear", "out_features": prod(shape), "inputs": ["trunk"]}
        if len(shape) > 1:
            layers.append(last)
            last = {"type": "reshape", "shape": shape}
        layers += [last, {"type": end, "name": name}] if end else [last | {"name": name}]
    return {
        "name": "judged",
        "dataset": "labels.csv",
        "model": {"layers": layers, "outputs": names},
        "data": {
            "features": ["a", "d"],
            "outputs": {name: JUDGED[name][1] for name in names},
            "columns": {"said": {"tokens": {"length": 3, "vocabulary_size": 5}}},
        },
        "training": {
            "num_epochs": 2,
            "batch_size": 9,
            "outputs": {
                name: {"loss": JUDGED[name][0], "weight": 0.5 + 0.1 * i, "metrics": MEASURED.get(name, [])}
                for i, name in enumerate(names)
            },
            **training,
        },
    }


WEIGHED = people(
    THREE,
    {"features": ["age", "code"], "target": "label"},
    loss=CLASSES | {"weight": "balanced", "label_smoothing": 0.2},
    metrics=[ACCURACY],
)
SUITE |= {"losses": judged(list(JUDGED)), "weighed": WEIGHED}
FULL |= {
    "weighed_tokens": SUITE["next_words"]
    | {"training": SUITE["next_words"]["training"] | {"loss": CLASSES | {"weight": "balanced"}, "micro_batch_size": 6}},
    "weighed_pieces": WEIGHED | {"training": WEIGHED["training"] | {"micro_batch_size": 5}},
    "weighed_pictures": pictures({"augment": [{"type": "mixup"}]}, loss={"type": BINARY, "pos_weight": "balanced"}),
    "weighed_masks": program("unet", num_epochs=1, loss={"type": "focal_loss", "weight": "balanced"}, metrics=[]),
    "ordered_words": texts({"length": 3}),
    "ordered_pictures": pictures(
        {"pixels": {"normalize": "standardize"}},
        loss={"type": "ctc_loss"},
        metrics=[{"type": "token_error"}, ACCURACY],
    ),
    "weighed_windows": series(
        {}, {"target": "kind"}, 3, loss=CLASSES | {"weight": {"b": 2.5}}, metrics=[{"type": "f1"}]
    ),
}
ALIGNED: list[dict[str, Any]] = [
    {"type": "flatten"},
    {"type": "linear", "out_features": 9 * 14},
    {"type": "reshape", "shape": [9, 14]},
    {"type": "log_softmax"},
]
FULL["ordered_words"]["model"] = {"layers": [EMBEDDED, *ALIGNED]}
FULL["ordered_words"]["data"] |= {"target": "note"}
FULL["ordered_words"]["training"] |= {"loss": {"type": "ctc_loss", "zero_infinity": True}, "metrics": [ACCURACY]}
FULL["ordered_words"]["training"]["early_stopping"] = {"series": "train/accuracy", "patience": 1}
FULL["ordered_pictures"]["model"] = {"layers": ALIGNED}
FULL["ordered_pictures"]["data"]["columns"]["label"] = {
    "tokens": {"level": "characters", "length": 6, "vocabulary_size": 14}
}
FULL["ordered_pictures"]["data"]["target"] = "label"
FULL |= {
    "two-towers": program("two-towers", num_epochs=1),
    "mixed_heads": pictures(
        {
            "outputs": {"bright": {"target": "label"}, "again": {"target": "label"}},
            "pixels": {"normalize": "standardize"},
            "augment": [{"type": "random_horizontal_flip"}, {"type": "mixup"}],
        }
    ),
    "heads_of_many_places": people(
        {
            "inputs": ["figures", "kind"],
            "outputs": ["values", "told"],
            "layers": [
                {"type": "linear", "out_features": 6, "name": "seen"},
                {
                    "type": "entity_embedding",
                    "num_embeddings": 5,
                    "embedding_dim": 3,
                    "num_columns": 1,
                    "inputs": ["kind"],
                },
                {"type": "concat", "inputs": ["seen", "1"], "name": "both"},
                {"type": "linear", "out_features": 56},
                {"type": "reshape", "shape": [4, 14], "name": "told"},
                {"type": "linear", "out_features": 2, "inputs": ["both"], "name": "values"},
            ],
        },
        {
            "inputs": {"figures": ["flag", "code"], "kind": ["kind"]},
            "outputs": {"told": {"target": "note"}, "values": {"target": ["income", "value"]}},
            "columns": {
                "note": {"tokens": {"length": 4, "vocabulary_size": 14}},
                "kind": {"categories": "embedded"},
            },
        },
    ),
}
for one in ("mixed_heads", "heads_of_many_places"):
    FULL[one]["training"] = {name: FULL[one]["training"][name] for name in ("num_epochs", "batch_size")}
del FULL["mixed_heads"]["data"]["target"]
FULL["mixed_heads"]["model"] = {
    "outputs": ["bright", "again"],
    "layers": [
        {"type": "conv2d", "out_channels": 4, "kernel_size": 3},
        {"type": "batch_norm"},
        {"type": "flatten", "name": "seen"},
        {"type": "linear", "out_features": 1, "name": "bright"},
        {"type": "linear", "out_features": 2, "inputs": ["seen"], "name": "again"},
    ],
}
FULL["mixed_heads"]["training"]["outputs"] = {
    "bright": {"loss": {"type": "binary_cross_entropy_with_logits"}, "metrics": [ACCURACY]},
    "again": {"loss": CLASSES, "weight": 0.4, "metrics": [{"type": "precision"}]},
}
FULL["heads_of_many_places"]["training"]["outputs"] = {
    "told": {"loss": CLASSES, "metrics": [ACCURACY]},
    "values": {"loss": {"type": "l1_loss"}, "weight": 1e-3, "metrics": [{"type": "mae"}]},
}

# Four or five steps an epoch, so that what changes with epochs changes within the losses that are compared.
DEEP: dict[str, Any] = {
    "layers": [
        {"type": "linear", "out_features": 6},
        {"type": "layer_norm"},
        {"type": "linear", "out_features": 6, "lr_factor": 0.5},
        {"type": "tanh"},
        {"type": "linear", "out_features": 5},
        {"type": "linear", "out_features": 1},
    ]
}


def stepping(model: dict[str, Any] = DEEP, **training: Any) -> dict[str, Any]:
    """Some figures, few steps an epoch."""
    return people(model, shares(type="shares", **REST), **({"batch_size": 40, "num_epochs": 4} | training))


SUITE |= {
    "turned": stepping(
        optimizer={"type": "muon", "lr": 0.02, "decay_norms_and_biases": False, "adamw_weight_decay": 0.1},
        schedule={"type": "one_cycle", "max_lr": 0.05, "pct_start": 0.4},
        max_grad_value=0.1,
    ),
    "following": stepping(
        optimizer={"type": "nadam", "lr": 0.05, "weight_decay": 0.1, "decay_norms_and_biases": False},
        schedule={"type": "plateau", "patience": 0, "factor": 0.5, "threshold": 0.5, "warmup_steps": 3},
    ),
}
FULL |= {
    f"by_{one['type']}": stepping(optimizer=one)
    for one in (
        {"type": "sgd", "momentum": 0.9, "weight_decay": 0.1, "decay_norms_and_biases": False},
        {"type": "adamw", "decay_norms_and_biases": False},
        {"type": "radam", "decoupled_weight_decay": True, "weight_decay": 0.1},
        {"type": "adamax", "betas": [0.8, 0.9]},
        {"type": "adagrad", "initial_accumulator_value": 0.1},
        {"type": "adadelta", "rho": 0.8},
        {"type": "adafactor", "eps": [1e-8, 0.01]},
        {"type": "asgd", "t0": 3},
        {"type": "rprop", "etas": [0.4, 1.3]},
        {"type": "muon", "adjust_lr_fn": "match_rms_adamw"},
    )
}
FULL |= {
    "by_lbfgs": stepping(LINEAR, optimizer={"type": "lbfgs", "max_iter": 4, "lr": 0.3}, max_grad_norm=1.0),
    "by_lbfgs_that_searches": stepping(
        {"layers": [{"type": "linear", "out_features": 5, "freeze": True}, {"type": "tanh"}, *LINEAR["layers"]]},
        optimizer={"type": "lbfgs", "line_search_fn": "strong_wolfe", "history_size": 4},
        schedule={"type": "cosine"},
        metrics=[{"type": "mae"}],
        early_stopping={"series": "train/mae", "patience": 3},
        micro_batch_size=13,
    ),
    "by_lbfgs_on_pictures": pictures({}, optimizer={"type": "lbfgs", "max_iter": 3, "lr": 0.3}),
    "following_then_averaged": stepping(
        LINEAR,
        schedule={"type": "plateau", "patience": 0, "factor": 0.5, "threshold": 0.9},
        swa={"start_epoch": 1, "lr": 0.01, "anneal_epochs": 2},
    ),
}
FULL |= {
    f"rate_{name}": stepping(LINEAR, optimizer=optimizer, schedule=schedule)
    for name, optimizer, schedule in (
        ("smaller_at_first", {"type": "adam"}, {"type": "constant", "factor": 0.1, "total_iters": 1}),
        ("at_milestones", {"type": "adam"}, {"type": "multistep", "milestones": [3, 5], "unit": "step"}),
        ("in_stairs", {"type": "adam"}, {"type": "exponential", "every": 2, "unit": "step", "staircase": True}),
        ("straight", {"type": "adam"}, {"type": "linear", "total_iters": None, "end_factor": 0.1}),
        ("by_a_power", {"type": "adam"}, {"type": "polynomial", "power": 2.0, "total_iters": 3}),
        ("along_a_cosine", {"type": "adam"}, {"type": "cosine", "T_max": 2}),
        ("again", {"type": "adam"}, {"type": "cosine_warm_restarts", "T_0": 2, "T_mult": 2, "unit": "step"}),
        ("by_roots", {"type": "adam"}, {"type": "inverse_sqrt", "warmup_steps": 3, "warmup_start_factor": 0.2}),
        ("up_and_down", {"type": "adam"}, {"type": "cyclic", "max_lr": 0.1, "step_size_up": 2, "mode": "triangular2"}),
        (
            "once",
            {"type": "rmsprop", "momentum": 0.5},
            {"type": "one_cycle", "three_phase": True, "pct_start": 0.3, "anneal_strategy": "linear"},
        ),
        ("following", {"type": "sgd"}, {"type": "plateau", "series": "train/mae", "patience": 0, "threshold": 0.9}),
    )
}
FULL["rate_following"]["training"] |= {"metrics": [{"type": "mae"}]}
HALVED: dict[str, Any] = {
    "layers": [
        {"type": "linear", "out_features": 6},
        {"type": "rms_norm"},
        {"type": "dropout", "p": 0.2},
        {"type": "linear", "out_features": 1},
    ]
}
FULL |= {
    "half_the_size": people(HALVED, shares(type="shares", **REST), precision="bfloat16", deterministic=False),
    "compiled": people(
        NORMED, shares(type="shares", **REST), compile=True, micro_batch_size=7, tf32=True, ema={"decay": 0.9}
    ),
    "averaged_late": people(
        NORMED, shares(type="shares", **REST), ema={"start_step": 5}, early_stopping={"patience": 5}, batch_size=40
    ),
    "mean_of_epochs": people(
        NORMED,
        shares(type="shares", **REST),
        swa={"start_epoch": 1, "lr": 0.01, "anneal_epochs": 2},
        num_epochs=4,
        schedule={"type": "cosine"},
        early_stopping={"patience": 5, "restore_best": False},
    ),
    "mean_of_epochs_at_its_rate": people(
        THREE,
        shares(type="shares", **REST) | {"target": "label"},
        swa={"start_epoch": 2},
        num_epochs=5,
        batch_size=None,
        loss=CLASSES,
        schedule={"type": "exponential"},
    ),
    "mean_from_the_first_epoch": people(
        LINEAR,
        shares(type="shares", **REST),
        swa={"start_epoch": 0, "lr": 0.5, "anneal_epochs": 0, "anneal_strategy": "linear"},
        early_stopping={"patience": 5},
    ),
    "averaged_heads": program("two-heads", num_epochs=2, ema={"decay": 0.9}),
    "mixed_in_pieces": pictures({"augment": [{"type": "mixup"}]}, micro_batch_size=3, precision="bfloat16"),
    "next_words_in_pieces": SUITE["next_words"]
    | {"training": SUITE["next_words"]["training"] | {"micro_batch_size": 5}},
}
