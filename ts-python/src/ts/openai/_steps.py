"""Handlers that take one step for all sequences that run: continuous batching."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any

from ts.handler import NOT_YET, Context, Data, RequestError
from ts.openai._answers import TextAnswer
from ts.openai._errors import OpenAIError, error_result
from ts.openai._requests import ChatRequest, CompletionRequest, Limits, read_chat, read_completion
from ts.openai._routes import CHAT, COMPLETIONS, path_of
from ts.openai._tokens import Token


def _ended(_result: object) -> bool:
    """Say of a request that the result is its last one."""
    return True


def _goes_on(_result: object) -> bool:
    """Say of a request that more follows."""
    return False


class StepHandler:
    """Base of handlers that generate a token for each of their sequences in one call of the model.

    Needs ``continuousBatching: true`` in model-config.yaml; ``batchSize`` is the number of requests
    that run at once. Requests join and leave between two steps: a sequence whose client has left,
    whose deadline has passed, or that has reached its stop is ended before the next step.

    Attributes:
        max_tokens: Tokens that a request may ask for; also what a chat gets that asks for none.
        max_sequences: Sequences that run at once, at most. A request with ``n`` has several; those
            for which there is no room wait.
        begins_per_step: Sequences that begin between two steps, at most: prompts take longer than
            tokens, and the other sequences wait for them.
        has_logprobs: Whether the tokens have probabilities.
        supports: Parameters such as ``tools`` that the handler reads from `body` itself; without
            that they are refused.
        openai_routes: The paths that are served; the frontend refuses the others.
    """

    max_tokens: int = 4096
    max_sequences: int = 32
    begins_per_step: int = 4
    has_logprobs: bool = False
    supports: frozenset[str] = frozenset()
    openai_routes: tuple[str, ...] = (CHAT, COMPLETIONS)

    def __init__(self) -> None:
        self._requests: dict[Any, _Request] = {}
        self._waiting: deque[_Choice] = deque()
        self._running: list[_Choice] = []

    def initialize(self, context: Context) -> None:
        """Load the model; called once in each worker."""

    def begin(self, request: ChatRequest | CompletionRequest) -> Any:
        """Take a prompt; return the sequence, whatever the handler needs to know of it.

        It sets ``request.prompt_tokens``. An exception fails this request alone.
        """
        raise NotImplementedError

    def step(self, sequences: list[Any]) -> Sequence[str | Token | Exception]:
        """Return the next token of each sequence; an exception in its place fails its request.

        One that is raised fails all of them.
        """
        raise NotImplementedError

    def end(self, sequence: Any) -> None:
        """A sequence is over: it is finished, has failed, or its client has left."""

    def predict(self, row: Any, context: Context, index: int) -> Any:
        """Answer what came by another route, such as ``/predictions``: by default with 404.

        An exception fails this request alone.
        """
        message = f"This model serves {', '.join(self.openai_routes) or 'nothing'}."
        return RequestError(404, message)

    def handle(self, data: Data, context: Context) -> list[Any]:
        """Take a step for all requests that run, and those that are new."""
        keys = _keys_of(context)
        for key in self._requests.keys() - set(keys):
            self._drop(key)
        results: dict[Any, Any] = {}
        try:
            for index, (key, row) in enumerate(zip(keys, data)):
                if key not in self._requests:
                    self._take(key, row, context, index, results)
            self._begin_some()
            self._step()
        except BaseException:
            self.all_clients_left()
            raise
        verdicts = []
        for index, key in enumerate(keys):
            ended = True
            if key not in results:
                results[key], ended = self._progress(key, context, index)
            verdicts.append(ended)
        context.stopping_criteria = [_ended if ended else _goes_on for ended in verdicts]
        return [results[key] for key in keys]

    def all_clients_left(self) -> None:
        """End all sequences; the worker calls it where no call of `handle` follows to do so."""
        for key in list(self._requests):
            self._drop(key)

    def _take(
        self, key: Any, row: Any, context: Context, index: int, results: dict[Any, Any]
    ) -> None:
        path = path_of(context, index)
        if path not in (CHAT, COMPLETIONS):
            try:
                results[key] = self.predict(row, context, index)
            except Exception as error:
                results[key] = error
            return
        limits = Limits(self.max_tokens, self.has_logprobs, self.supports)
        try:
            read = read_chat if path == CHAT else read_completion
            answer = TextAnswer(read(row.get("body"), limits), str(context.get_request_id(index)))
        except OpenAIError as error:
            results[key] = error_result(error, context, index)
            return
        request = self._requests[key] = _Request(answer)
        self._waiting.extend(
            _Choice(request, number) for number in range(len(request.answer.requests))
        )

    def _begin_some(self) -> None:
        begun = 0
        while (
            self._waiting
            and len(self._running) < self.max_sequences
            and begun < self.begins_per_step
        ):
            choice = self._waiting.popleft()
            begun += 1
            try:
                choice.sequence = self.begin(choice.request.answer.requests[choice.index])
            except Exception as error:
                choice.request.error = error
                self._forget(choice.request)
            else:
                self._running.append(choice)

    def _step(self) -> None:
        running = list(self._running)
        if not running:
            return
        tokens = self.step([choice.sequence for choice in running])
        if len(tokens) != len(running):
            expected = f"for {len(running)} sequences, expected one each"
            raise ValueError(f"step returned {len(tokens)} tokens {expected}")
        for choice, token in zip(running, tokens):
            if isinstance(token, Exception):
                choice.request.error = token
                self._forget(choice.request)
                continue
            choice.request.events += choice.request.answer.add(choice.index, token)
            if not choice.request.answer.wants_more(choice.index) and choice in self._running:
                self._running.remove(choice)
                self.end(choice.sequence)

    def _progress(self, key: Any, context: Context, index: int) -> tuple[Any, bool]:
        """Return what a request gets now, and whether it has ended."""
        request = self._requests[key]
        answer = request.answer
        if request.error is not None:
            del self._requests[key]
            if isinstance(request.error, OpenAIError) and not request.begun:
                return error_result(request.error, context, index), True
            return request.error, True
        if answer.is_finished:
            del self._requests[key]
        if not answer.request.stream:
            return (answer.whole(), True) if answer.is_finished else (NOT_YET, False)
        events, request.events = request.events, ""
        if not events and not answer.is_finished:
            return NOT_YET, False
        if not request.begun:
            request.begun = True
            context.set_response_content_type(index, "text/event-stream")
        if answer.is_finished:
            return events + answer.last_events(), True
        return events, False

    def _drop(self, key: Any) -> None:
        """A request is over: nobody waits for it any more."""
        self._forget(self._requests.pop(key))

    def _forget(self, request: _Request) -> None:
        """End the sequences of a request."""
        if any(choice.request is request for choice in self._waiting):
            self._waiting = deque(each for each in self._waiting if each.request is not request)
        mine = [choice for choice in self._running if choice.request is request]
        for choice in mine:
            self._running.remove(choice)
            self.end(choice.sequence)


class _Request:
    """A request that is under way."""

    __slots__ = ("answer", "begun", "error", "events")

    def __init__(self, answer: TextAnswer) -> None:
        self.answer = answer
        self.events = ""
        self.begun = False
        self.error: Exception | None = None


class _Choice:
    """One of the choices of a request: a sequence, once it has begun."""

    __slots__ = ("index", "request", "sequence")

    def __init__(self, request: _Request, index: int) -> None:
        self.request = request
        self.index = index
        self.sequence: Any = None


def _keys_of(context: Context) -> list[Any]:
    """Return what tells the requests of a call apart, the same in each call.

    Not their ids: clients choose these, and two may choose the same.
    """
    run = getattr(context, "_handler_run", None)
    if run is not None:
        return list(run.requests)
    return list((context.request_ids or {}).values())
