"""Class attributes that are made when they are first used."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class LazyClassAttribute(Generic[T]):
    """An attribute of a class, made once, by the first access through the class or an object.

    A subclass or an object may assign another value, as with a plain class attribute.
    """

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._values: list[T] = []

    def __get__(self, instance: object, owner: type | None = None) -> T:
        if not self._values:
            self._values.append(self._make())
        return self._values[0]
