"""Finds the function or class that a handler string names."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

EntryPoint = Callable[[Any, Any], Any]

DEFAULT_HANDLERS = "ts.torch_handler"
ENVELOPES = "ts.torch_handler.request_envelope"


@dataclass(frozen=True, slots=True)
class Handler:
    """A model's code: `initialize` takes the context, `entry_point` data and context."""

    entry_point: EntryPoint
    initialize: Callable[[Any], Any]


def find_handler(handler: str) -> Handler:
    """Return what a handler string names.

    The forms are ``module``, ``file.py``, ``folder/file.py``, ``package.module`` and each of them
    with ``:function`` or ``:Class``. A module that does not exist is looked for among the default
    handlers. Without a function or class it is the function ``handle``, else the one class, or of
    several the one with ``handle`` on which no other of them builds.

    Raises `ModuleNotFoundError` if there is no such module, whatever the module raises when it is
    imported, and `ValueError` if it has no usable function or class.
    """
    module_name, function_name = split_handler(handler)
    module = _import_handler_module(handler, module_name)
    function = getattr(module, function_name or "handle", None)
    if callable(function) and not inspect.isclass(function):
        return Handler(function, lambda context: function(None, context))
    if inspect.isclass(function):
        return _handler_of(handler, function)
    return _handler_of(handler, _only_class(handler, module, function_name))


def split_handler(handler: str) -> tuple[str, str | None]:
    """Return module and function of a handler string; None for the default function."""
    path, _, function = handler.partition(":")
    module = path.replace("\\", "/").rpartition("/")[2].removesuffix(".py")
    if not module:
        raise ValueError(f"handler {handler!r} names no module, expected module[:function]")
    return module, function or None


def wrap_in_envelope(envelope: str, entry_point: EntryPoint) -> EntryPoint:
    """Return the `handle` of a request envelope around an entry point."""
    module = importlib.import_module(f"{ENVELOPES}.{envelope.removesuffix('.py')}")
    classes = _classes_defined_in(module)
    if not classes:
        raise ValueError(f"envelope {envelope!r}: {module.__name__} defines no class")
    wrapped: EntryPoint = classes[0](entry_point).handle
    return wrapped


def _import_handler_module(handler: str, name: str) -> ModuleType:
    importlib.invalidate_caches()
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if not _is_missing(error, name):
            raise  # the module is there; what it imports is not
    default = f"{DEFAULT_HANDLERS}.{name}"
    try:
        return importlib.import_module(default)
    except ModuleNotFoundError as error:
        if not _is_missing(error, default):
            raise
        raise ModuleNotFoundError(
            f"handler {handler!r}: there is no module {name!r} in the model's folder or on the"
            " Python path, and no default handler of that name",
            name=name,
        ) from None


def _is_missing(error: ModuleNotFoundError, name: str) -> bool:
    """Return whether it is the module itself, or a package it is in, that was not found."""
    return error.name is not None and (name == error.name or name.startswith(error.name + "."))


def _classes_defined_in(module: ModuleType) -> list[type]:
    return [
        member
        for _, member in inspect.getmembers(module, inspect.isclass)
        if member.__module__ == module.__name__
    ]


def _only_class(handler: str, module: ModuleType, function_name: str | None) -> type:
    defined = _classes_defined_in(module)
    classes = defined
    if len(classes) > 1 and function_name is None:
        handling = [c for c in classes if callable(getattr(c, "handle", None))]
        classes = [
            c
            for c in handling
            if not any(other is not c and issubclass(other, c) for other in handling)
        ]
    if len(classes) == 1 and (function_name is None or len(defined) == 1):
        return classes[0]
    found = ", ".join(c.__name__ for c in defined) or "none"
    wanted = function_name or "handle"
    advice = f"; name one, as {handler}:{defined[0].__name__}" if len(defined) > 1 else ""
    raise ValueError(
        "Expected only one class in custom service code or a function entry point: handler"
        f" {handler!r} has no function {wanted!r} and the classes: {found}{advice}"
    )


def _handler_of(handler: str, found: type) -> Handler:
    instance = found()
    name = found.__name__
    entry_point = getattr(instance, "handle", None)
    if not callable(entry_point):
        raise ValueError(f"Expect handle method in class {name} of handler {handler!r}")
    initialize = getattr(instance, "initialize", None)
    if not callable(initialize):
        raise ValueError(f"Expect initialize method in class {name} of handler {handler!r}")
    return Handler(entry_point, initialize)
