"""What augmentation does to images: to each its own, the same at the same step; and how targets are mixed."""

from typing import Any

import numpy as np
import pytest
import torch
from pydantic import TypeAdapter
from torch import Tensor
from torch.nn import functional as F

from app.specs.augment import AnyAugmentation
from worker.train.augment import Augment

NUM = 400
KINDS: TypeAdapter[Any] = TypeAdapter(AnyAugmentation)
ALL = (
    "random_horizontal_flip",
    "random_vertical_flip",
    "random_rotation",
    "random_crop",
    "color_jitter",
    "gaussian_noise",
    "random_erasing",
    "mixup",
    "cutmix",
)


@pytest.fixture
def images() -> Tensor:
    return torch.rand(NUM, 3, 12, 10, generator=torch.Generator().manual_seed(0))


TARGETS = torch.arange(NUM)


def augment(*kinds: dict[str, Any], seed: int = 0, **options: Any) -> Augment:
    return Augment([KINDS.validate_python(kind) for kind in kinds], seed, **options)


def same(one: Tensor, other: Tensor) -> Tensor:
    """Which images (N,) are equal."""
    return torch.isclose(one, other, atol=1e-6).flatten(1).all(dim=1)


@pytest.mark.parametrize("kind", ALL)
def test_a_step_changes_images_always_in_the_same_way_and_the_next_one_in_another(images: Tensor, kind: str) -> None:
    before = images.clone()
    changed, _, mix = augment({"type": kind})(images, TARGETS, 7)
    again, _, _ = augment({"type": kind})(images, TARGETS, 7)
    other, _, _ = augment({"type": kind})(images, TARGETS, 8)
    assert torch.equal(changed, again) and not torch.equal(changed, other)
    assert changed.shape == images.shape and changed.dtype == images.dtype
    assert torch.equal(images, before)
    assert (mix is not None) == (kind in ("mixup", "cutmix"))


@pytest.mark.parametrize(("kind", "dimension"), [("random_horizontal_flip", 3), ("random_vertical_flip", 2)])
def test_a_part_of_the_images_is_flipped(images: Tensor, kind: str, dimension: int) -> None:
    changed, _, _ = augment({"type": kind, "p": 0.3})(images, TARGETS, 0)
    flipped, kept = same(changed, images.flip(dimension)), same(changed, images)
    assert torch.equal(flipped, ~kept)
    assert flipped.float().mean() == pytest.approx(0.3, abs=0.08)


def test_a_crop_moves_the_image_and_brings_the_border_in(images: Tensor) -> None:
    changed, _, _ = augment({"type": "random_crop", "padding": 2})(images, TARGETS, 0)
    moved = torch.zeros(NUM, dtype=torch.bool)
    for down in range(5):
        for right in range(5):
            hits = same(changed, F.pad(images, [2] * 4)[:, :, down : down + 12, right : right + 10])
            assert hits.any()
            moved |= hits
    assert moved.all()


def test_a_rotation_turns_about_the_middle_by_the_angle_and_not_more() -> None:
    image = torch.zeros(NUM, 1, 41, 31)
    image[:, :, 20, 25:28] = 1.0  # ten pixels right of the middle
    changed, _, _ = augment({"type": "random_rotation", "degrees": 90})(image, TARGETS, 0)
    rows, columns = torch.meshgrid(torch.arange(41.0) - 20, torch.arange(31.0) - 15, indexing="ij")
    total = changed.sum(dim=(1, 2, 3))
    down, right = ((changed[:, 0] * place).sum(dim=(1, 2)) / total for place in (rows, columns))
    angles = torch.rad2deg(torch.atan2(down, right))
    assert torch.hypot(down, right) == pytest.approx(11, abs=0.7)
    assert angles.abs().max() <= 92 and angles.max() > 75 and angles.min() < -75


def test_colours_change_where_they_go_from_0_to_1(images: Tensor) -> None:
    kind = {"type": "color_jitter", "brightness": 0.5, "contrast": 0, "saturation": 0}
    images = images + 0.5
    mean, std = [0.2, 0.4, 0.6], [0.5, 0.3, 0.1]
    m, s = (torch.tensor(one).view(-1, 1, 1) for one in (mean, std))
    changed, _, _ = augment(kind, mean=mean, std=std)((images - m) / s, TARGETS, 0)
    factors = ((changed * s + m) / images).flatten(1)
    assert torch.allclose(factors, factors[:, :1].expand_as(factors), rtol=1e-3)
    assert 0.5 <= factors.min() < 0.6 and 1.4 < factors.max() <= 1.501
    gray = augment({"type": "color_jitter", "brightness": 0, "contrast": 0, "saturation": 1.0})(images, TARGETS, 0)[0]
    assert torch.allclose(gray.mean(dim=1), images.mean(dim=1), atol=1e-5)


def test_noise_has_its_deviation_and_erasing_its_area(images: Tensor) -> None:
    noisy, _, _ = augment({"type": "gaussian_noise", "sigma": 0.1})(images, TARGETS, 0)
    assert (noisy - images).std() == pytest.approx(0.1, abs=0.003)
    erased, _, _ = augment({"type": "random_erasing", "p": 0.5, "scale": 0.3})(images + 1, TARGETS, 0)
    areas = (erased == 0).float().mean(dim=(1, 2, 3))
    assert (areas > 0).float().mean() == pytest.approx(0.5, abs=0.08)
    assert areas.max() < 0.3 + 2 * (12 + 10) / 120  # rounded to whole pixels on each side
    assert (erased == 0).any(dim=1).sum() == (erased == 0).all(dim=1).sum()  # in all channels alike


def test_mixed_images_and_their_targets_have_one_share(images: Tensor) -> None:
    changed, _, mix = augment({"type": "mixup", "alpha": 1.0})(images, TARGETS, 3)
    assert mix is not None
    assert torch.allclose(changed, mix.share * images + (1 - mix.share) * images[mix.others], atol=1e-6)
    cut, _, mix = augment({"type": "cutmix"})(images, TARGETS, 3)
    assert mix is not None
    own, foreign = cut == images, cut == images[mix.others]
    assert (own | foreign).all()
    assert (~own[mix.others != TARGETS]).float().mean() == pytest.approx(1 - mix.share, abs=1e-6)
    outputs = torch.randn(NUM, NUM, generator=torch.Generator().manual_seed(1))
    soft = mix.share * F.one_hot(TARGETS, NUM) + (1 - mix.share) * F.one_hot(mix.others, NUM)
    found = mix.loss(F.cross_entropy, outputs, TARGETS)
    assert found.item() == pytest.approx(F.cross_entropy(outputs, soft).item(), rel=1e-5)


def test_of_several_ways_to_mix_each_batch_takes_one(images: Tensor) -> None:
    both = augment({"type": "mixup"}, {"type": "cutmix"})
    cut = [bool((both(images, TARGETS, step)[0].unique().numel()) <= images.unique().numel()) for step in range(12)]
    assert any(cut) and not all(cut)


def test_the_seed_of_the_run_decides(images: Tensor) -> None:
    one, other = (augment({"type": "gaussian_noise"}, seed=seed)(images, TARGETS, 0)[0] for seed in (0, 1))
    assert not torch.equal(one, other)
    assert np.isfinite(one.numpy()).all()


@pytest.mark.parametrize("kind", ["random_horizontal_flip", "random_vertical_flip", "random_crop"])
def test_a_target_that_is_an_image_moves_with_its_image(images: Tensor, kind: str) -> None:
    numbers = (images[:, 0] * 7).long()
    steps = augment({"type": "gaussian_noise"}, {"type": kind}, {"type": "color_jitter"}, moves_targets=True)
    _, moved, _ = steps(images, numbers, 3)
    alone = augment({"type": kind})
    assert not torch.equal(moved, numbers) and moved.dtype == numbers.dtype
    both = torch.cat([images[:, :1], images[:, :1]], dim=1)
    seen, same_moves, _ = augment({"type": kind}, moves_targets=True)(both, both, 3)
    torch.testing.assert_close(seen, same_moves)
    torch.testing.assert_close(seen, alone(both, TARGETS, 3)[0])  # what moves targets changes nothing of images


def test_noise_and_colours_leave_a_target_as_it_is(images: Tensor) -> None:
    """So an autoencoder learns to take them away again."""
    kinds = [{"type": one} for one in ("gaussian_noise", "color_jitter", "random_erasing")]
    seen, targets, _ = augment(*kinds, moves_targets=True)(images, images, 0)
    assert torch.equal(targets, images) and not torch.equal(seen, images)
