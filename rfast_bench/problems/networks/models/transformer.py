"""A small causal transformer over numbered characters (Vaswani et al. 2017; pre-norm as in Radford et al. 2019)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from rfast_bench.problems.data.datasets import Data


def transformer(
    data: Data, width: int = 64, heads: int = 4, layers: int = 2, dropout: float = 0.0
) -> nn.Module:
    """For samples of L numbers (M, L), 0 to V − 1: scores of the V that may come next.

    With targets (M, L), one at every position, they are (b, L, V); with targets (M,), at the last one: (b, V).
    """
    if data.features.ndim != 2 or data.features.dtype.kind not in "iu":
        raise ValueError(
            "a transformer wants samples of whole numbers, one a character, in one row of equal length"
        )
    if width % heads:
        raise ValueError(f"width: {width} is no multiple of heads, {heads}")
    letters = max(data.classes, int(data.features.max()) + 1)
    return Transformer(
        letters, data.features.shape[1], width, heads, layers, dropout, whole=data.labels.ndim > 1
    )


class Transformer(nn.Module):
    """Characters and places are embedded, blocks follow, then scores; weights of first and last layer are shared."""

    def __init__(
        self, letters: int, length: int, width: int, heads: int, layers: int, dropout: float, whole: bool
    ) -> None:
        super().__init__()
        self.letters = nn.Embedding(letters, width)
        self.places = nn.Embedding(length, width)
        nn.init.normal_(self.letters.weight, std=0.02)
        nn.init.normal_(self.places.weight, std=0.02)
        self.blocks = nn.Sequential(*(Block(width, heads, dropout) for _ in range(layers)))
        self.norm = nn.LayerNorm(width)
        self.scores = nn.Linear(width, letters, bias=False)
        self.scores.weight = self.letters.weight
        self._whole = whole

    def forward(self, x: Tensor) -> Tensor:
        """Numbers (b, L) to scores (b, L, V), or (b, V)."""
        places = self.places(torch.arange(x.shape[1], device=x.device))
        values = self.norm(self.blocks(self.letters(x) + places))
        scores: Tensor = self.scores(values if self._whole else values[:, -1])
        return scores


class Block(nn.Module):
    """Attention to what came before, then two linear layers, each beside a shortcut."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.first_norm, self.second_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.queries = nn.Linear(width, 3 * width)
        self.mix = nn.Linear(width, width)
        self.forth, self.back = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.drop = nn.Dropout(dropout)
        self._heads = heads

    def forward(self, x: Tensor) -> Tensor:
        """(b, L, width) to the same."""
        batch, length, width = x.shape
        parts = (
            self.queries(self.first_norm(x)).view(batch, length, 3, self._heads, -1).permute(2, 0, 3, 1, 4)
        )
        query, of, value = parts.unbind(0)
        seen = functional.scaled_dot_product_attention(query, of, value, is_causal=True)
        x = x + self.drop(self.mix(seen.transpose(1, 2).reshape(batch, length, width)))
        mixed: Tensor = x + self.drop(self.back(functional.gelu(self.forth(self.second_norm(x)))))
        return mixed
