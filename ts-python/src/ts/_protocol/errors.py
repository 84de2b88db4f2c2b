"""What can go wrong on a connection."""

from __future__ import annotations


class ProtocolError(Exception):
    """The peer broke the worker protocol; the connection cannot be used any more."""


class PeerClosed(Exception):
    """The peer closed the connection, or its process ended."""


class InDoubt(PeerClosed):
    """The connection was given up: how much of a message went over it is not known."""
