"""Rows of which no more are kept than memory should hold."""

import torch
from torch import Tensor


class Some:
    """Rows as they pass: all of them up to `limit`, then a half to all of so many, each as likely as any other.

    The same of the same rows, whatever else draws random numbers.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._kept: list[Tensor] = []
        self._num_kept = 0
        self._share = 1.0  # of what comes
        self._random = torch.Generator().manual_seed(0)

    def add(self, rows: Tensor) -> None:
        """More of them, (N, …)."""
        self._keep(self._chosen(rows, self._share))
        while self._num_kept > self._limit:
            kept, self._kept, self._num_kept = torch.cat(self._kept), [], 0
            self._share /= 2
            self._keep(self._chosen(kept, 0.5))

    def rows(self) -> Tensor:
        """Those that were kept, in their order."""
        return torch.cat(self._kept) if self._kept else torch.empty(0)

    def _chosen(self, rows: Tensor, share: float) -> Tensor:
        # A copy: what passes may lie in a file that is let go again.
        return (
            rows.clone()
            if share == 1
            else rows[(torch.rand(len(rows), generator=self._random) < share).to(rows.device)]
        )

    def _keep(self, rows: Tensor) -> None:
        self._kept.append(rows)
        self._num_kept += len(rows)
