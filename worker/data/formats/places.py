"""What the folders of an archive say of a file: its part, its class, and whether it is an image or its mask."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from worker.data.formats.arrays import part_of

_IMAGES = frozenset({"images", "image", "imgs", "img", "jpegimages"})
_MASKS = frozenset({"masks", "mask", "labels", "annotations", "segmentation", "segmentations", "segmentationclass"})

Folders = tuple[str, ...]


@dataclass(frozen=True)
class Places:
    """Of each file (N,): its part and its class. A list is None where the folders do not tell them."""

    parts: list[str] | None
    labels: list[str | None] | None


def folders_of(name: str) -> Folders:
    """The folders of a file, from the outermost."""
    return PurePosixPath(name).parts[:-1]


def places_of(folders: Sequence[Folders]) -> Places:
    """Parts and classes by folders, as train/cat/1.png.

    What all files lie in says nothing of them. Then come the parts, if each file is in one, and then the classes:
    folders inside a class are of that class, and a file beside the folders has none.
    """
    left = _without_common(folders)
    words = [part_of(one[0]) if one else None for one in left]
    parts = [word for word in words if word is not None]
    if len(parts) < len(left) or len(set(parts)) < 2:
        parts = []
    else:
        left = _without_common([one[1:] for one in left])
    labels = [one[0] if one else None for one in left]
    return Places(parts or None, labels if any(labels) else None)


def pair_masks(names: Sequence[str]) -> dict[str, str] | None:
    """The mask of each image, where a folder of images stands beside one of masks; None where it does not.

    They belong together by folders and stem: images/a/1.jpg and masks/a/1.png, or masks/a/1_mask.png.
    """
    images: dict[tuple[Folders, str], str] = {}
    masks: dict[tuple[Folders, str], str] = {}
    for name in names:
        folders = folders_of(name)
        kinds = [i for i, one in enumerate(folders) if one.lower() in _IMAGES | _MASKS]
        if not kinds:
            return None
        kept = folders[: kinds[0]] + folders[kinds[0] + 1 :]
        stem = PurePosixPath(name).stem
        if folders[kinds[0]].lower() in _IMAGES:
            images[kept, stem] = name
        else:
            masks[kept, stem.removesuffix("_mask")] = name
    pairs = {image: masks[key] for key, image in images.items() if key in masks}
    return pairs or None


def without_kind(folders: Folders) -> Folders:
    """The folders that say something beside "these are the images"."""
    return tuple(one for one in folders if one.lower() not in _IMAGES)


def _without_common(folders: Sequence[Folders]) -> list[Folders]:
    left = list(folders)
    while left and all(left) and len({one[0] for one in left}) == 1:
        left = [one[1:] for one in left]
    return left
