"""The context of a batch as the steps see it that work on a slice of the batch."""

from __future__ import annotations

import copy
import threading
from typing import Any


class SliceContext:
    """Shows the requests ``offset .. offset + size - 1`` of a context as 0, 1 and so on.

    Everything that is not about single requests is the context's own. Contexts that tests of
    handlers make up need not have request ids, nor metrics.
    """

    def __init__(self, context: Any, offset: int, size: int) -> None:
        self._context = context
        self._offset = offset
        self._size = size
        ids = getattr(context, "request_ids", None)
        ids = ids if isinstance(ids, dict) else {}
        self.request_ids = {i: ids[offset + i] for i in range(size) if offset + i in ids}
        # A shallow copy shares the declared metrics and differs in the ids.
        self.metrics = copy.copy(getattr(context, "metrics", None))
        set_request_ids = getattr(self.metrics, "set_request_ids", None)
        if ids and set_request_ids is not None:
            set_request_ids(self.request_ids)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._context, name)

    @property
    def request_processor(self) -> Any:
        """The request processors of the slice."""
        return self._context.request_processor[self._offset : self._offset + self._size]

    def get_request_id(self, idx: int = 0) -> Any:
        return self._context.get_request_id(self._offset + idx)

    def get_trace_parent(self, idx: int = 0) -> Any:
        return self._context.get_trace_parent(self._offset + idx)

    def get_request_header(self, idx: int, key: str) -> Any:
        return self._context.get_request_header(self._offset + idx, key)

    def get_all_request_header(self, idx: int) -> Any:
        return self._context.get_all_request_header(self._offset + idx)

    def get_sequence_id(self, idx: int) -> Any:
        return self._context.get_sequence_id(self._offset + idx)

    def set_response_content_type(self, idx: int, value: str) -> None:
        self._context.set_response_content_type(self._offset + idx, value)

    def get_response_content_type(self, idx: int) -> Any:
        return self._context.get_response_content_type(self._offset + idx)

    def set_response_status(self, code: int = 200, phrase: str = "", idx: int = 0) -> None:
        self._context.set_response_status(code, phrase, self._offset + idx)

    def set_all_response_status(self, code: int = 200, phrase: str = "") -> None:
        for idx in range(self._size):
            self.set_response_status(code, phrase, idx)

    def get_response_status(self, idx: int) -> Any:
        return self._context.get_response_status(self._offset + idx)

    def set_response_header(self, idx: int, key: str, value: str) -> None:
        self._context.set_response_header(self._offset + idx, key, value)

    def get_response_headers(self, idx: int) -> Any:
        return self._context.get_response_headers(self._offset + idx)


class CurrentSliceContext:
    """Stands in for ``handler.context``: on a thread that works on a slice, that slice's context.

    Attributes that a handler sets go to the context of the batch.
    """

    def __init__(self, context: Any, local: threading.local) -> None:
        object.__setattr__(self, "_batch_context", context)
        object.__setattr__(self, "_local", local)

    def __getattr__(self, name: str) -> Any:
        current = getattr(self._local, "context", None)
        return getattr(self._batch_context if current is None else current, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._batch_context, name, value)
