"""The worker protocol: pure codecs, and the two classes that move frames over a socket.

``docs/worker-protocol.md`` is the contract. Private: handlers never import from here.
"""

from __future__ import annotations
