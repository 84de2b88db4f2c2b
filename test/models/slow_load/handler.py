"""A handler that loads once a file exists."""

import os
import time


def handle(data, context):
    """Waits for the gate when it is called to initialise."""
    if data is None:
        gate = os.environ.get("SLOW_LOAD_GATE")
        while gate and not os.path.exists(gate):
            time.sleep(0.01)
        return None
    return ["loaded"] * len(data)
