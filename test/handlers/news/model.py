"""The network of the text classification example of TorchServe, smaller."""

from __future__ import annotations

import torch
from torch import nn


class TextClassificationModel(nn.Module):
    """Mean of embeddings, one linear layer, two classes."""

    def __init__(self, vocab_size: int = 30, embed_dim: int = 4, num_class: int = 2) -> None:
        super().__init__()
        self.embedding = nn.EmbeddingBag(vocab_size, embed_dim, sparse=False)
        self.fc = nn.Linear(embed_dim, num_class)

    def forward(self, text: torch.Tensor, offsets: torch.Tensor) -> torch.Tensor:
        return self.fc(self.embedding(text, offsets))
