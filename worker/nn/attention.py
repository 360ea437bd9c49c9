"""Attention and transformer layers: torch's own arithmetic and parameters, with rotary positions and without its nests.

Names and shapes of parameters, their beginning and what comes out are those of `torch.nn.MultiheadAttention`,
`TransformerEncoderLayer` and `TransformerDecoderLayer` with batch_first; weights can be carried over. Torch's own take
another path in evaluation, which cannot be exported, and have no rotary positions. Source: Vaswani et al., 2017,
https://arxiv.org/abs/1706.03762.

Suffixes: N batch, L length, S length of the memory, D features, H heads, E features of a head.
"""

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812, torch's own abbreviation

from worker.nn.disturb import Dropout, dropout
from worker.nn.positions import Rotary


def attended(q_NHLE: Tensor, k_NHSE: Tensor, v_NHSE: Tensor, p: float, is_causal: bool) -> Tensor:
    """Of each query the values (N, H, L, E) by how much it is like their keys, of which a share `p` is dropped.

    Torch's own has no fused form with dropout for a CPU, and of several passes over all pairs some are for nothing.
    """
    if p == 0 or q_NHLE.device.type != "cpu" or torch.compiler.is_compiling():
        return F.scaled_dot_product_attention(q_NHLE, k_NHSE, v_NHSE, dropout_p=p, is_causal=is_causal)
    alike_NHLS = (q_NHLE / math.sqrt(q_NHLE.shape[-1])) @ k_NHSE.transpose(-2, -1)
    if is_causal:
        later_LS = torch.ones(alike_NHLS.shape[-2:], dtype=torch.bool).triu(1)
        alike_NHLS = alike_NHLS.masked_fill(later_LS, -math.inf)
    found_NHLE: Tensor = dropout(alike_NHLS.softmax(-1), p) @ v_NHSE
    return found_NHLE


class MultiheadAttention(nn.Module):
    """Queries (N, L, D) look at keys and values (N, S, …): (N, L, D)."""

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        dropout: float = 0.0,
        bias: bool = True,
        kdim: int | None = None,
        vdim: int | None = None,
        is_causal: bool = False,
        rotary: bool = False,
    ) -> None:
        super().__init__()
        self.num_heads, self.dropout, self.is_causal = num_heads, dropout, is_causal
        kdim, vdim = kdim or embed_dim, vdim or embed_dim
        if kdim == vdim == embed_dim:
            self.in_proj_weight = nn.Parameter(torch.empty(3 * embed_dim, embed_dim))
            weights = [self.in_proj_weight]
        else:
            self.register_parameter("in_proj_weight", None)
            self.q_proj_weight = nn.Parameter(torch.empty(embed_dim, embed_dim))
            self.k_proj_weight = nn.Parameter(torch.empty(embed_dim, kdim))
            self.v_proj_weight = nn.Parameter(torch.empty(embed_dim, vdim))
            weights = [self.q_proj_weight, self.k_proj_weight, self.v_proj_weight]
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * embed_dim)) if bias else None
        self.out_proj = nn.Linear(embed_dim, embed_dim, bias=bias)
        for weight in weights:
            nn.init.xavier_uniform_(weight)
        if bias:
            nn.init.zeros_(self.out_proj.bias)
        self.rotary = Rotary(embed_dim // num_heads) if rotary else None

    def forward(self, query_NLD: Tensor, key: Tensor | None = None, value: Tensor | None = None) -> Tensor:
        key = query_NLD if key is None else key
        value = key if value is None else value
        q, k, v = (self._heads(x) for x in self._projected(query_NLD, key, value))
        if self.rotary is not None:
            q, k = self.rotary(q), self.rotary(k)
        found_NHLE = attended(q, k, v, self.dropout if self.training else 0.0, self.is_causal)
        mixed: Tensor = self.out_proj(found_NHLE.transpose(1, 2).flatten(2))
        return mixed

    def _projected(self, query: Tensor, key: Tensor, value: Tensor) -> tuple[Tensor, ...]:
        if self.in_proj_weight is not None and query is key is value:  # one product in place of three
            return F.linear(query, self.in_proj_weight, self.in_proj_bias).chunk(3, -1)
        if self.in_proj_weight is not None:
            weights: tuple[Tensor, ...] = self.in_proj_weight.chunk(3)
        else:
            weights = (self.q_proj_weight, self.k_proj_weight, self.v_proj_weight)
        biases: Any = (None,) * 3 if self.in_proj_bias is None else self.in_proj_bias.chunk(3)
        return tuple(map(F.linear, (query, key, value), weights, biases))

    def _heads(self, x_NLD: Tensor) -> Tensor:
        return x_NLD.reshape(*x_NLD.shape[:2], self.num_heads, -1).transpose(1, 2)


class _Transformer(nn.Module):
    """What both layers share: a part that works on each place alone, and where normalisation stands."""

    def __init__(
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int,
        dropout: float,
        activation: str,
        layer_norm_eps: float,
        norm_first: bool,
        bias: bool,
        is_causal: bool,
        rotary: bool,
    ) -> None:
        super().__init__()
        self.self_attn = MultiheadAttention(d_model, nhead, dropout, bias, is_causal=is_causal, rotary=rotary)
        self.linear1 = nn.Linear(d_model, dim_feedforward, bias=bias)
        self.linear2 = nn.Linear(dim_feedforward, d_model, bias=bias)
        self.norm1 = nn.LayerNorm(d_model, layer_norm_eps, bias=bias)
        self.norm2 = nn.LayerNorm(d_model, layer_norm_eps, bias=bias)
        self.dropout = Dropout(dropout)
        self.norm_first = norm_first
        self.activation = F.relu if activation == "relu" else F.gelu

    def _added(self, x_NLD: Tensor, norm: nn.LayerNorm, part: Any) -> Tensor:
        """x with what a part makes of it added, normalised before or after."""
        added: Tensor = x_NLD + self.dropout(part(norm(x_NLD) if self.norm_first else x_NLD))
        normed: Tensor = added if self.norm_first else norm(added)
        return normed

    def _feedforward(self, x_NLD: Tensor) -> Tensor:
        worked: Tensor = self.linear2(self.dropout(self.activation(self.linear1(x_NLD))))
        return worked


class TransformerEncoderLayer(_Transformer):
    """(N, L, D) to (N, L, D)."""

    def forward(self, x_NLD: Tensor) -> Tensor:
        x_NLD = self._added(x_NLD, self.norm1, self.self_attn)
        return self._added(x_NLD, self.norm2, self._feedforward)


class TransformerDecoderLayer(_Transformer):
    """(N, L, D) and a memory (N, S, D) to (N, L, D)."""

    def __init__(self, d_model: int, **kwargs: Any) -> None:
        super().__init__(d_model, **kwargs)
        bias = kwargs["bias"]
        self.multihead_attn = MultiheadAttention(d_model, kwargs["nhead"], kwargs["dropout"], bias)
        self.norm3 = nn.LayerNorm(d_model, kwargs["layer_norm_eps"], bias=bias)

    def forward(self, x_NLD: Tensor, memory_NSD: Tensor) -> Tensor:
        x_NLD = self._added(x_NLD, self.norm1, self.self_attn)
        x_NLD = self._added(x_NLD, self.norm2, lambda x: self.multihead_attn(x, memory_NSD))
        return self._added(x_NLD, self.norm3, self._feedforward)


class _Stack(nn.Module):
    """Layers on one another, and a normalisation at the end where it is asked for. Each begins differently."""

    layer: type[_Transformer]

    def __init__(self, d_model: int, num_layers: int, norm: bool, **kwargs: Any) -> None:
        super().__init__()
        self.layers = nn.ModuleList(self.layer(d_model, **kwargs) for _ in range(num_layers))
        self.norm = nn.LayerNorm(d_model, kwargs["layer_norm_eps"], bias=kwargs["bias"]) if norm else None

    def forward(self, x_NLD: Tensor, *memory: Tensor) -> Tensor:
        for layer in self.layers:
            x_NLD = layer(x_NLD, *memory)
        return x_NLD if self.norm is None else self.norm(x_NLD)


class TransformerEncoder(_Stack):
    """(N, L, D) to (N, L, D)."""

    layer = TransformerEncoderLayer


class TransformerDecoder(_Stack):
    """(N, L, D) and a memory (N, S, D), the same for every layer, to (N, L, D)."""

    layer = TransformerDecoderLayer
