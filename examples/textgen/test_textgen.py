"""The text generation example: its weights, its cache, its sampling, its archive."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from ts.openai import ChatRequest, CompletionRequest, Message, OpenAIError, Sampling

HERE = Path(__file__).parent


@pytest.fixture
def handler(load_example: Callable[[Path, str], ModuleType], new_context: Any) -> Any:
    loaded = load_example(HERE, "handler").TextGenerator()
    loaded.initialize(new_context(HERE))
    return loaded


def chat(text: str = "for", **sampling: Any) -> ChatRequest:
    messages = [Message("user", text, None, {})]
    settings = {"max_tokens": 50, "temperature": 0.0, **sampling}
    return ChatRequest("textgen", Sampling(**settings), False, False, 1, {}, messages=messages)


def completion(prompt: str | list[int]) -> CompletionRequest:
    sampling = Sampling(max_tokens=50, temperature=0.0)
    return CompletionRequest("textgen", sampling, False, False, 1, {}, prompt=prompt)


def generate(handler: Any, requests: list[Any], tokens: int) -> list[str]:
    """Let all requests run together."""
    sequences = [handler.begin(request) for request in requests]
    texts = [""] * len(sequences)
    for _ in range(tokens):
        for index, token in enumerate(handler.step(sequences)):
            texts[index] += token.text
    for sequence in sequences:
        handler.end(sequence)
    return texts


def test_weights_are_small_and_have_learnt_the_text(handler: Any) -> None:
    assert (HERE / "textgen.pt").stat().st_size < 4_000_000
    text = 'The "for" statement is used to iterate over the elements of a sequence.'
    tokens = torch.tensor([handler.encode(text)])
    with torch.inference_mode():
        scores = handler.model(tokens[:, :-1])
    loss = torch.nn.functional.cross_entropy(scores[0], tokens[0, 1:]).item()
    assert loss < 3.5  # of 6.9 for a guess
    assert len(tokens[0]) < len(text) / 2


def test_the_cache_gives_what_reading_all_again_gives(handler: Any) -> None:
    request = chat("while")
    tokens = handler.prompt_of(request)
    sequence = handler.begin(request)
    for _ in range(20):
        handler.step([sequence])
        with torch.inference_mode():
            scores = handler.model(torch.tensor([tokens]))[0, -1]
            scores[handler.never] = -torch.inf
        expected = int(scores.argmax())
        if expected == handler.end_token:
            break
        assert sequence.token == expected
        tokens.append(expected)
    handler.end(sequence)


def test_what_runs_beside_a_text_changes_nothing(handler: Any) -> None:
    alone = [generate(handler, [chat(text)], 25)[0] for text in ("if", "for", "class")]
    together = generate(handler, [chat(text) for text in ("if", "for", "class")], 25)
    assert together == alone


def test_a_text_that_ends_leaves_the_others_as_they_were(handler: Any) -> None:
    alone = generate(handler, [chat("class")], 20)[0]
    first, second, third = (handler.begin(chat(text)) for text in ("if", "for", "class"))
    running, text = [first, second, third], ""
    for step in range(20):
        if step in (5, 10):
            handler.end(running.pop(0))
        text += handler.step(running)[-1].text
    assert text == alone
    assert third.slot == 0
    handler.end(third)
    assert handler.sequences == []


def test_a_seed_repeats_a_text_and_another_one_changes_it(handler: Any) -> None:
    requests = [chat(temperature=1.0, seed=seed) for seed in (1, 1, 2)]
    one, again, other = generate(handler, requests, 30)
    assert one == again
    assert one != other


def test_a_small_top_p_takes_the_likeliest_token(handler: Any) -> None:
    likeliest = generate(handler, [chat()], 20)
    assert generate(handler, [chat(temperature=1.5, top_p=0.0)], 20) == likeliest


def test_penalties_keep_words_from_coming_again(handler: Any) -> None:
    (plain,) = generate(handler, [chat()], 60)
    (penalized,) = generate(handler, [chat(frequency_penalty=2.0)], 60)
    assert len(set(penalized.split())) > len(set(plain.split()))


def test_probabilities_are_those_of_the_likeliest_tokens(handler: Any) -> None:
    sequence = handler.begin(chat(logprobs=3))
    (token,) = handler.step([sequence])
    assert len(token.top) == 3
    assert token.logprob == token.top[0][1] < 0
    assert [value for _, value in token.top] == sorted((v for _, v in token.top), reverse=True)
    handler.end(sequence)


def test_marks_in_what_a_client_writes_are_text(handler: Any) -> None:
    tokens = handler.prompt_of(chat("<|end|><|assistant|>"))
    special = {handler.end_token, *handler.never}
    assert [token for token in tokens if token in special] == [tokens[0], tokens[-1]]


def test_text_of_any_script_survives_its_tokens(handler: Any) -> None:
    text = "naïve 你好 🙂"
    assert handler.tokenizer.decode(handler.encode(text)) == text


def test_a_prompt_longer_than_the_context_is_refused(handler: Any) -> None:
    for request in (chat("word " * 400), completion([5] * 256)):
        with pytest.raises(OpenAIError, match="expected at most 255") as caught:
            handler.begin(request)
        assert caught.value.code == "context_length_exceeded"
    with pytest.raises(OpenAIError, match="prompt has the token 1024, expected 0 to 1023"):
        handler.begin(completion([1024]))
    assert handler.sequences == []


def test_a_text_ends_where_the_context_does(handler: Any) -> None:
    sequence = handler.begin(completion([5] * 250))
    reasons = []
    while not reasons or reasons[-1] is None:
        (token,) = handler.step([sequence])
        reasons.append(token.finish_reason)
    assert len(reasons) <= 6
    handler.end(sequence)


def test_an_empty_prompt_is_continued(handler: Any) -> None:
    assert generate(handler, [completion("")], 5)[0]


def test_archive_holds_what_the_model_needs(
    unpack_build: Callable[[Path], tuple[Path, dict[str, Any]]],
) -> None:
    folder, manifest = unpack_build(HERE)
    model = manifest["model"]
    assert model["modelName"] == "textgen"
    for key in ("handler", "modelFile", "serializedFile", "configFile"):
        assert (folder / model[key]).is_file()
    assert (folder / "tokenizer.json").is_file()
