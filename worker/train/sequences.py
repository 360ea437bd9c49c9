"""Tokens in order, fewer than the places that a model answers at: read as they are aligned, and compared.

At each place the model says a token or nothing, which is 0. What it says is read without what is repeated and without
the nothing between (Graves et al., 2006).
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from worker.train.places import IGNORED


def spoken(outputs: Tensor) -> Tensor:
    """What outputs (N, T, K) say, the likeliest at each place: tokens (N, T), the first ones ahead, then 0."""
    best = outputs.argmax(dim=2)
    before = torch.cat([torch.zeros_like(best[:, :1]), best[:, :-1]], dim=1)
    return packed(torch.where(best != before, best, 0))


def in_order(targets: Tensor) -> Tensor:
    """Targets (N, S) in the same way."""
    return packed(torch.where(targets == IGNORED, 0, targets))


def packed(tokens: Tensor) -> Tensor:
    """Tokens (N, S) in their order, with the 0 between them at the end."""
    return tokens.gather(1, (tokens == 0).byte().argsort(dim=1, stable=True))


def distances(said: Tensor, true: Tensor) -> Tensor:
    """How many tokens to insert, leave out or change in `said` (N, T) until it is `true` (N, S): (N,), float64.

    Levenshtein (1966), a row of the table for all N at a time.
    """
    num_said, num_true = (said != 0).sum(1, keepdim=True), (true != 0).sum(1, keepdim=True)
    places = torch.arange(true.shape[1] + 1, device=true.device, dtype=torch.float64)
    row = places.expand(len(true), -1)
    for i in range(said.shape[1]):
        changed = row[:, :-1] + (said[:, i : i + 1] != true)
        own = torch.cat([row[:, :1] + 1, torch.minimum(row[:, 1:] + 1, changed)], dim=1)
        own = (own - places).cummin(dim=1).values + places  # with tokens inserted
        row = torch.where(i < num_said, own, row)
    return row.gather(1, num_true).squeeze(1)


@dataclass(frozen=True)
class Exact:
    """The share of rows whose tokens are all right."""

    name: str = "accuracy"

    def sums(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return (distances(spoken(outputs), in_order(targets)) == 0).sum(dtype=torch.float64)

    def value(self, sums: Tensor, num_rows: int | Tensor) -> Tensor:
        return sums / num_rows


@dataclass(frozen=True)
class TokenError:
    """How many tokens are wrong for each that there is."""

    name: str = "token_error"

    def sums(self, outputs: Tensor, targets: Tensor) -> Tensor:
        wrong = distances(spoken(outputs), in_order(targets)).sum()
        return torch.stack([wrong, (targets != IGNORED).sum(dtype=torch.float64)])

    def value(self, sums: Tensor, num_rows: int | Tensor) -> Tensor:
        return sums[0] / sums[1]
