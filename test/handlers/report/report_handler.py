"""Answers what a handler can see of its worker. Does not derive from BaseHandler."""

import logging
import os
import random
import signal
import sys
import threading
from pathlib import Path

import numpy
import torch
import ts

logger = logging.getLogger(__name__)


class Report:
    """The part of the report that a request asks for by its text."""

    def __init__(self):
        self.at_load = {}

    def initialize(self, context):
        """Look around while the model loads."""
        self.config = context.model_yaml_config
        context.cache = {"calls": 0}
        context.metrics.add_counter("Loads", 1)
        context.metrics.add_time("LoadStep", 1.5, idx=0)
        self.at_load = {
            "cwd": os.getcwd(),
            "threads": torch.get_num_threads(),
            "interop_threads": torch.get_num_interop_threads(),
            "request_ids": str(context.request_ids),
            "request_id": context.get_request_id(),
            "system_properties": context.system_properties,
            "manifest": context.manifest,
            "model_name": context.model_name,
            "version": ts.__version__,
        }

    def handle(self, data, context):
        """Answer every request by what it asks for."""
        context.cache["calls"] += 1
        return [getattr(self, row["body"])(context, i) for i, row in enumerate(data)]

    def load(self, context, index):
        return self.at_load

    def calls(self, context, index):
        return context.cache

    def config_file(self, context, index):
        return context.model_yaml_config

    def process(self, context, index):
        main = sys.modules["__main__"]
        return {
            "path": sys.path,
            "main": main.__name__,
            "module": [__name__, __file__],
            "main_thread": threading.current_thread() is threading.main_thread(),
            "threads": threading.active_count(),
            "session": os.getsid(0) == os.getpid(),
            "stdin": sys.stdin.read(),
            "SIGTERM": signal.getsignal(signal.SIGTERM) == signal.SIG_DFL,
            "SIGINT": signal.getsignal(signal.SIGINT) == signal.default_int_handler,
            "SIGCHLD": signal.getsignal(signal.SIGCHLD) == signal.SIG_DFL,
            "name": Path("/proc/self/comm").read_text().strip(),
            "pid": os.getpid(),
        }

    def draws(self, context, index):
        return [random.random(), float(numpy.random.rand()), float(torch.rand(1)), os.getpid()]

    def headers(self, context, index):
        return context.get_all_request_header(index)

    def ids(self, context, index):
        return [context.get_request_id(index), context.request_ids[index]]

    def say(self, context, index):
        print("said on stdout é")
        print("said on stderr", file=sys.stderr)
        logger.info("said by the logger")
        logging.getLogger("other").warning("said by another logger %d", 7)
        logger.debug("not said")
        os.system("echo said by a child")
        os.write(1, b"said by the descriptor\n")
        print("without an end", end="")
        return "ok"

    def much(self, context, index):
        for number in range(20000):
            print(f"line {number} " + "x" * 80)
        return "ok"

    def status(self, context, index):
        context.set_response_status(201, "Made", index)
        context.set_response_header(index, "x-number", 7)
        context.set_response_content_type(index, "text/x-report")
        return ["made", context.get_response_status(index)]

    def all_status(self, context, index):
        context.set_all_response_status(code=202, phrase="Taken")
        return "taken"
