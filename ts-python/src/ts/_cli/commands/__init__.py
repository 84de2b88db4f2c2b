"""The commands of `torchserve` that are words, such as `torchserve status`. Private.

Exit statuses: 0 done; 1 it failed, or the server said no; 2 wrong usage; 3 no server runs;
4 not within the time limit; 130 interrupted.
"""

from __future__ import annotations

DONE = 0
FAILED = 1
WRONG_USAGE = 2
NO_SERVER = 3
TIME_LIMIT = 4
