"""Attention and transformer layers against torch's own, with torch's weights."""

from typing import Any

import pytest
import torch
from torch import nn

from worker.nn.attention import (
    MultiheadAttention,
    TransformerDecoder,
    TransformerDecoderLayer,
    TransformerEncoder,
    TransformerEncoderLayer,
)
from worker.nn.positions import Rotary, SinusoidalPosition

SIZES: dict[str, Any] = {"d_model": 12, "nhead": 3, "dim_feedforward": 20, "dropout": 0.0, "layer_norm_eps": 1e-5}
OURS: dict[str, Any] = {"rotary": False}


def carried(ours: nn.Module, torchs: nn.Module) -> nn.Module:
    """Ours with the weights of torch's, whose names and shapes it has."""
    ours.load_state_dict(torchs.state_dict(), strict=True)
    return ours


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(("kdim", "vdim"), [(12, 12), (7, 5), (12, 5)])
def test_attention_is_torchs(bias: bool, kdim: int, vdim: int) -> None:
    torchs = nn.MultiheadAttention(12, 3, bias=bias, kdim=kdim, vdim=vdim, batch_first=True)
    ours = carried(MultiheadAttention(12, 3, bias=bias, kdim=kdim, vdim=vdim), torchs)
    q, k, v = torch.randn(2, 5, 12), torch.randn(2, 7, kdim), torch.randn(2, 7, vdim)
    torch.testing.assert_close(ours(q, k, v), torchs(q, k, v)[0])


def test_one_input_attends_to_itself_and_causally_to_nothing_later() -> None:
    torchs = nn.MultiheadAttention(12, 3, batch_first=True)
    ours = carried(MultiheadAttention(12, 3, is_causal=True), torchs)
    x = torch.randn(2, 5, 12)
    mask = nn.Transformer.generate_square_subsequent_mask(5)
    torch.testing.assert_close(ours(x), torchs(x, x, x, attn_mask=mask)[0])
    later = x.clone()
    later[:, 3:] = 0
    torch.testing.assert_close(ours(x)[:, :3], ours(later)[:, :3])


@pytest.mark.parametrize("is_causal", [True, False])
@pytest.mark.parametrize("norm_first", [True, False])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("activation", ["relu", "gelu"])
def test_layers_are_torchs(is_causal: bool, norm_first: bool, bias: bool, activation: str) -> None:
    options = SIZES | {"norm_first": norm_first, "bias": bias, "activation": activation}
    mask = nn.Transformer.generate_square_subsequent_mask(5) if is_causal else None
    x, memory = torch.randn(2, 5, 12), torch.randn(2, 7, 12)
    encoder = nn.TransformerEncoderLayer(batch_first=True, **options)
    ours = carried(TransformerEncoderLayer(is_causal=is_causal, **options, **OURS), encoder)
    torch.testing.assert_close(ours(x), encoder(x, src_mask=mask))
    decoder = nn.TransformerDecoderLayer(batch_first=True, **options)
    ours = carried(TransformerDecoderLayer(is_causal=is_causal, **options, **OURS), decoder)
    torch.testing.assert_close(ours(x, memory), decoder(x, memory, tgt_mask=mask))


def test_stacks_are_torchs() -> None:
    options = SIZES | {"activation": "relu", "norm_first": True, "bias": True}
    x, memory = torch.randn(2, 5, 12), torch.randn(2, 7, 12)
    layer = nn.TransformerEncoderLayer(batch_first=True, **options)
    encoder = nn.TransformerEncoder(layer, 2, nn.LayerNorm(12), enable_nested_tensor=False)
    ours = TransformerEncoder(num_layers=2, norm=True, is_causal=False, **options, **OURS)
    torch.testing.assert_close(carried(ours, encoder)(x), encoder(x))
    decoder = nn.TransformerDecoder(nn.TransformerDecoderLayer(batch_first=True, **options), 2, nn.LayerNorm(12))
    ours = TransformerDecoder(num_layers=2, norm=True, is_causal=False, **options, **OURS)
    torch.testing.assert_close(carried(ours, decoder)(x, memory), decoder(x, memory))


def test_layers_of_a_stack_begin_differently() -> None:
    options = SIZES | {"activation": "relu", "norm_first": True, "bias": True, "is_causal": False}
    first, second = TransformerEncoder(num_layers=2, norm=False, **options, **OURS).layers
    assert not torch.equal(first.linear1.weight, second.linear1.weight)


def test_the_beginning_is_torchs() -> None:
    torch.manual_seed(3)
    torchs = nn.MultiheadAttention(12, 3, batch_first=True)
    torch.manual_seed(3)
    ours = MultiheadAttention(12, 3)
    assert {name: one.std().item() > 0 for name, one in ours.state_dict().items()} == {
        name: one.std().item() > 0 for name, one in torchs.state_dict().items()
    }
    bound = (6 / (12 + 36)) ** 0.5  # Xavier's, of the three projections as one matrix
    assert bound * 0.9 < ours.in_proj_weight.abs().max() <= bound


def test_rotary_products_see_distances_alone() -> None:
    rotary = Rotary(8)
    q, k = torch.randn(8), torch.randn(8)
    turned_q, turned_k = (rotary(one.expand(1, 1, 9, 8))[0, 0] for one in (q, k))
    products = turned_q @ turned_k.T  # (9, 9)
    for distance in range(-8, 9):
        along = products.diagonal(distance)
        torch.testing.assert_close(along, along[0].expand_as(along), rtol=1e-4, atol=1e-5)
    assert products[0, 1:].std() > 1e-3
    torch.testing.assert_close(turned_q.norm(dim=-1), q.norm().expand(9))


def test_sinusoids_are_the_papers() -> None:
    found = SinusoidalPosition(6, 4, 10_000.0)(torch.zeros(1, 6, 4))[0]
    for place in range(6):
        for i in range(2):
            angle = torch.tensor(place / 10_000 ** (2 * i / 4))
            torch.testing.assert_close(found[place, 2 * i], angle.sin())
            torch.testing.assert_close(found[place, 2 * i + 1], angle.cos())
