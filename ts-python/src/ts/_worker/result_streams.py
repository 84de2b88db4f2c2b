"""Results that come piece by piece: generators and other iterators, of both kinds."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import TYPE_CHECKING, Any

from ts._worker.console import report
from ts._worker.failures import ENDS_WORKER, format_traceback

if TYPE_CHECKING:
    from ts._worker.handler_io import HandlerIO
    from ts._worker.handler_run import HandlerRun
    from ts._worker.inbox import PendingRequest

WaitFor = Callable[[Awaitable[Any]], Any]
"""Waits for an awaitable on the worker's event loop."""

WHOLE = frozenset((str, bytes, bytearray, dict, list, tuple, int, float, bool, type(None)))
"""Types of nearly all results. What is none of them may be a stream."""


class _NotYet:
    """What `NOT_YET` is."""

    def __repr__(self) -> str:
        return "NOT_YET"


NOT_YET = _NotYet()
"""With continuous batching, in place of a result: nothing is sent, and the request goes on."""


def stands_for_its_request(value: Any) -> bool:
    """Return whether a result is no value: a stream, or the error of its request."""
    return type(value) not in WHOLE and (isinstance(value, BaseException) or is_stream(value))


def is_stream(value: Any) -> bool:
    """Return whether a result is a generator, or another iterator."""
    return isinstance(value, (Iterator, AsyncIterator))


class ResultStreams:
    """The results of a run that their handler makes piece by piece.

    One whose client has left is closed where it stands. An exception fails its request alone.

    Args:
        run: The run, which has sent what is whole.
        io: What all runs of a worker share.
    """

    def __init__(self, run: HandlerRun, io: HandlerIO) -> None:
        self._run = run
        self._io = io

    def send(self, wait_for: WaitFor, close_with: WaitFor) -> None:
        """Send what is yielded, a piece of each in turn, until all have ended.

        Args:
            wait_for: Waits for the next piece of an asynchronous generator.
            close_with: Waits for the end of one that is closed.
        """
        open_streams = dict(self._run.streams)
        try:
            while open_streams:
                self._io.poll()
                for index, pieces in list(open_streams.items()):
                    if not self._run.is_wanted_by(self._run.requests[index]):
                        _close(pieces, close_with)
                        del open_streams[index]
                    elif not self._send_next(index, pieces, wait_for):
                        del open_streams[index]
                self._io.flush()
        finally:
            for pieces in open_streams.values():
                _close(pieces, close_with)
        self._run.close_batches()

    def _send_next(self, index: int, pieces: Any, wait_for: WaitFor) -> bool:
        """Send the next piece of a stream; return whether there may be more."""
        run, request = self._run, self._run.requests[index]
        try:
            piece = wait_for(_anext(pieces)) if isinstance(pieces, AsyncIterator) else next(pieces)
        except StopIteration as end:
            self._tell_of(request)
            run.end_stream(index, request, end.value)
        except ENDS_WORKER:
            raise
        except BaseException as error:
            if run.is_wanted_by(request):
                self._tell_of(request)
                run.fail_request_with(request, error)
        else:
            if piece is not _END:
                run.send_chunk(index, request, piece)
                return True
            self._tell_of(request)
            run.end_stream(index, request, None)
        return False

    def _tell_of(self, request: PendingRequest) -> None:
        if self._run.followed is not None:
            self._run.followed.tell_of(request)

    async def send_side_by_side(self) -> None:
        """Send what is yielded, until all have ended. Cancelled, it closes all of them."""
        await asyncio.gather(*(self._send_all(*stream) for stream in self._run.streams.items()))
        self._run.close_batches()

    async def _send_all(self, index: int, pieces: Any) -> None:
        """Send one stream. A synchronous one holds up what else is on the loop, piece by piece."""
        run, request = self._run, self._run.requests[index]
        is_async = isinstance(pieces, AsyncIterator)
        try:
            while run.is_wanted_by(request):
                piece = await _anext(pieces) if is_async else _next(pieces)
                if isinstance(piece, _End):
                    self._tell_of(request)
                    run.end_stream(index, request, piece.value)
                    return
                run.send_chunk(index, request, piece)
                self._io.flush()
                # Other requests have their turn, and cancellations are seen.
                await asyncio.sleep(0)
        except ENDS_WORKER:
            raise
        except BaseException as error:
            # The task is cancelled once the client has left: that is no failure.
            if not isinstance(error, asyncio.CancelledError) or run.is_wanted_by(request):
                self._tell_of(request)
                run.fail_request_with(request, error)
        finally:
            await _close_async(pieces)


class _End:
    """Stands behind the last piece of a stream, with what its generator returned."""

    __slots__ = ("value",)

    def __init__(self, value: Any = None) -> None:
        self.value = value


_END = _End()


def _next(pieces: Iterator[Any]) -> Any:
    try:
        return next(pieces)
    except StopIteration as end:
        return _End(end.value)


async def _anext(pieces: AsyncIterator[Any]) -> Any:
    try:
        return await pieces.__anext__()
    except StopAsyncIteration:
        return _END


def _close(pieces: Any, close_with: WaitFor) -> None:
    """End a generator where it stands. What it raises then is in the model log."""
    if isinstance(pieces, AsyncIterator):
        close_with(_close_async(pieces))
    else:
        _close_now(pieces)


async def _close_async(pieces: Any) -> None:
    if not isinstance(pieces, AsyncIterator):
        _close_now(pieces)
        return
    close = getattr(pieces, "aclose", None)
    if close is not None:
        try:
            await close()
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as error:
            report(format_traceback(error))


def _close_now(pieces: Any) -> None:
    close = getattr(pieces, "close", None)
    if close is not None:
        try:
            close()
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as error:
            report(format_traceback(error))
