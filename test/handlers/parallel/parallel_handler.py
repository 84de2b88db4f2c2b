"""Uses threads, processes and data loaders, as handlers do that prepare much data."""

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import torch
from squares import Squares
from torch.utils.data import DataLoader
from ts.torch_handler.base_handler import BaseHandler


def square(number):
    """Return the square: what runs in other processes."""
    return number * number


class ParallelHandler(BaseHandler):
    """Does what the request names."""

    def initialize(self, context):
        self.context = context
        self.weight = torch.rand(256, 256)
        self.pool = ThreadPoolExecutor(4)

    def handle(self, data, context):
        return [getattr(self, bytes(row["body"]).decode())() for row in data]

    def matmul(self):
        return bool(torch.isfinite(self.weight @ self.weight).all())

    def loader(self):
        loader = DataLoader(Squares(), batch_size=2, num_workers=2)
        return [batch.flatten().tolist() for batch in loader]

    def fork_pool(self):
        with multiprocessing.get_context("fork").Pool(2) as pool:
            return pool.map(square, range(4))

    def spawn_pool(self):
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
            return list(pool.map(square, range(4)))

    def forkserver_pool(self):
        with ProcessPoolExecutor(1, multiprocessing.get_context("forkserver")) as pool:
            return list(pool.map(square, range(4)))

    def threads(self):
        products = self.pool.map(lambda _: (self.weight @ self.weight).sum().item(), range(8))
        return len(set(products))

    def command(self):
        return subprocess.run(
            [sys.executable, "-c", "print(6 * 7)"], capture_output=True, text=True, check=True
        ).stdout.strip()

    def alarm(self):
        rang = threading.Event()
        signal.signal(signal.SIGALRM, lambda *_: rang.set())
        signal.setitimer(signal.ITIMER_REAL, 0.01)
        return rang.wait(60)

    def share(self):
        tensor = torch.zeros(4).share_memory_()
        process = multiprocessing.get_context("fork").Process(target=tensor.fill_, args=(3,))
        process.start()
        process.join()
        return tensor.tolist()

    def children(self):
        return os.popen(f"ps -o stat= --ppid {os.getpid()}").read().split()
