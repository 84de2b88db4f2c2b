"""Tokens per second: a plain loop, and the server with 1, 8 and 32 clients.

``python bench.py`` for the loop; ``python bench.py http://127.0.0.1:8080/v1`` with a server of the
model, without tokens (else the environment variable OPENAI_API_KEY has one). Needs ``openai``.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from pathlib import Path
from types import SimpleNamespace

HERE = Path(__file__).parent
PROMPT = [{"role": "user", "content": "for"}]
TOKENS = 100
CLIENTS = (1, 8, 32)
SECONDS = 10.0


def plain_loop() -> float:
    """Return the tokens per second of one text after the other, in this process."""
    from handler import TextGenerator
    from ts.openai._requests import Limits, read_chat

    generator = TextGenerator()
    generator.initialize(SimpleNamespace(system_properties={"model_dir": str(HERE)}))
    generator.never.append(generator.end_token)
    body = {"model": "textgen", "messages": PROMPT, "max_tokens": TOKENS}
    tokens = 0
    began = time.monotonic()
    while time.monotonic() - began < SECONDS:
        sequence = generator.begin(read_chat(body, Limits(TOKENS, True, ())))
        for _ in range(TOKENS):
            generator.step([sequence])
        generator.end(sequence)
        tokens += TOKENS
    return tokens / (time.monotonic() - began)


async def served(url: str, clients: int) -> float:
    """Return the tokens per second that so many clients get together."""
    from openai import AsyncOpenAI

    key = os.environ.get("OPENAI_API_KEY", "none")
    async with AsyncOpenAI(base_url=url, api_key=key, max_retries=0) as client:
        began = time.monotonic()

        async def ask() -> int:
            tokens = 0
            while time.monotonic() - began < SECONDS:
                stream = await client.chat.completions.create(
                    model="textgen",
                    messages=PROMPT,
                    max_tokens=TOKENS,
                    stream=True,
                    stream_options={"include_usage": True},
                )
                async for chunk in stream:
                    tokens += chunk.usage.completion_tokens if chunk.usage else 0
            return tokens

        tokens = await asyncio.gather(*(ask() for _ in range(clients)))
        return sum(tokens) / (time.monotonic() - began)


def main() -> None:
    """Measure and print."""
    if len(sys.argv) == 1:
        print(f"plain loop: {plain_loop():.0f} tokens/s")
        return
    for clients in CLIENTS:
        print(f"{clients} clients: {asyncio.run(served(sys.argv[1], clients)):.0f} tokens/s")


if __name__ == "__main__":
    main()
