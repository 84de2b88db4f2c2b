"""Trains the text generator: ``python train.py``. Writes textgen.pt and tokenizer.json.

The text is that of Python's own help pages (``pydoc_data.topics``, 465,000 characters), which comes
with CPython. A model of 2 million parameters that has read no more than this writes what looks like
those pages and means nothing: it is here to show how a language model is served.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import torch
from model import CONTEXT, VOCABULARY, TextModel
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

HERE = Path(__file__).parent
SEED = 7
STEPS = 450
BATCH = 12
USER, ASSISTANT, SYSTEM, END = "<|user|>", "<|assistant|>", "<|system|>", "<|end|>"
HELD_OUT = 20
"""One of so many exchanges is not trained on."""


def exchanges() -> list[tuple[str, str]]:
    """Return questions and answers: the name of a topic, and its text or one part of it."""
    from pydoc_data.topics import topics

    pairs: list[tuple[str, str]] = []
    for name, text in topics.items():
        pairs.append((name, text.strip()))
        for part in text.split("\n\n"):
            if len(part.strip()) > 60:
                pairs.append((name, part.strip()))
    return pairs


def train_tokenizer(texts: list[str]) -> Tokenizer:
    """Return byte-pair codes of the texts; any text can be coded, since each byte has a token."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=[END, USER, ASSISTANT, SYSTEM],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def coded(tokenizer: Tokenizer, pairs: list[tuple[str, str]]) -> torch.Tensor:
    """Return the tokens of all exchanges, one after the other: [T], int64."""
    texts = [f"{USER}{question}{ASSISTANT}{answer}{END}" for question, answer in pairs]
    ids = [each.ids for each in tokenizer.encode_batch(texts)]
    return torch.tensor([token for text in ids for token in text])


def windows(tokens: torch.Tensor, starts: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the tokens at these places, and those that follow each of them: [N, 256] both."""
    places = starts[:, None] + torch.arange(CONTEXT)
    return tokens[places], tokens[places + 1]


def loss_of(model: TextModel, read: torch.Tensor, following: torch.Tensor) -> torch.Tensor:
    """Return the mean surprise per token, in nats."""
    return torch.nn.functional.cross_entropy(model(read).flatten(0, 1), following.flatten())


def train(tokens: torch.Tensor, steps: int) -> TextModel:
    """Return a model that has read the tokens, always the same one on one machine."""
    torch.manual_seed(SEED)
    model = TextModel()
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.1, betas=(0.9, 0.95))
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=3e-3, total_steps=steps)
    began = time.monotonic()
    for step in range(steps):
        starts = torch.randint(len(tokens) - CONTEXT - 1, (BATCH,))
        loss = loss_of(model, *windows(tokens, starts))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        if step % 50 == 0 or step == steps - 1:
            print(f"step {step}: loss {loss.item():.3f}, {time.monotonic() - began:.0f} s")
    return model.eval()


@torch.inference_mode()
def held_out_loss(model: TextModel, tokens: torch.Tensor) -> float:
    """Return the mean surprise per token of text that was not trained on, in nats."""
    starts = torch.arange(0, len(tokens) - CONTEXT - 1, CONTEXT)[:40]
    return loss_of(model, *windows(tokens, starts)).item()


def main() -> None:
    """Train, measure, write."""
    parser = argparse.ArgumentParser(description="Train the text generator.")
    parser.add_argument("--steps", type=int, default=STEPS, help=f"default {STEPS}")
    arguments = parser.parse_args()
    pairs = exchanges()
    tokenizer = train_tokenizer([text for pair in pairs for text in pair])
    held_out = coded(tokenizer, pairs[::HELD_OUT])
    trained = coded(tokenizer, [pair for i, pair in enumerate(pairs) if i % HELD_OUT])
    model = train(trained, arguments.steps)
    parameters = sum(weights.numel() for weights in model.parameters())
    print(f"{parameters} parameters, {len(trained)} tokens")
    print(f"loss on {len(held_out)} held-out tokens: {held_out_loss(model, held_out):.2f}")
    tokenizer.save(str(HERE / "tokenizer.json"), pretty=False)
    weights = {name: value.half() for name, value in model.state_dict().items()}
    torch.save(weights, HERE / "textgen.pt")


if __name__ == "__main__":
    main()
