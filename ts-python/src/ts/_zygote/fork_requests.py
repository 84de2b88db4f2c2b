"""How ``init`` requests a fork, of the zygote and of a template process alike."""

from __future__ import annotations

from ts._zygote import lifeline
from ts._zygote.fork_channel import ForkChannel
from ts._zygote.frontend_channel import FrontendChannel
from ts._zygote.managed_process import ManagedProcess
from ts._zygote.reapers import Reapers


def request_fork(
    channel: ForkChannel, process: ManagedProcess, frontend: FrontendChannel, reapers: Reapers
) -> bool:
    """Give a process its pipes, lifeline and reaper, and request it.

    Returns whether the whole request was sent. Raises `OSError` if the other end is gone: then the
    process is to be dropped.
    """
    process.pumps, ends = frontend.open_pumps(process.output_id)
    read_end, process.lifeline_end = lifeline.create()
    files = (reapers.open(process), *ends, read_end, *process.copied_channel())
    return channel.request_fork(process.id, process.spawn, files)
