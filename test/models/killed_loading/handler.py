"""A handler whose process is killed while it loads, as the kernel does when memory runs out."""

import os
import signal


def handle(data, context):
    """Ends the process when it is called to initialise."""
    if data is None:
        os.kill(os.getpid(), signal.SIGKILL)
    return ["never"] * len(data)
