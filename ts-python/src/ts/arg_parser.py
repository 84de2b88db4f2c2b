"""Arguments of the worker script of TorchServe 0.12, and of the ``torchserve`` command."""

from __future__ import annotations

import argparse
from collections.abc import Sequence


class ArgParser:
    """Parsers that tools import; this server's own worker takes no arguments."""

    @staticmethod
    def ts_parser() -> argparse.ArgumentParser:
        """Return the parser of the ``torchserve`` command."""
        parser = argparse.ArgumentParser(prog="torchserve", description="Torchserve")
        action = parser.add_mutually_exclusive_group()
        action.add_argument(
            "-v", "--version", action="store_true", help="Return TorchServe Version"
        )
        action.add_argument("--start", action="store_true", help="Start the model-server")
        action.add_argument("--stop", action="store_true", help="Stop the model-server")
        action.add_argument("--print-config", action="store_true", help="Print the settings")
        for name, text in (
            ("--ts-config", "Configuration file for model server"),
            ("--model-store", "Model store location from where local or default models are loaded"),
            ("--workflow-store", "Workflow store location"),
            ("--log-config", "Log4j configuration file for model server"),
            ("--cpp-log-config", "log configuration file for cpp backend"),
        ):
            parser.add_argument(name, help=text)
        parser.add_argument(
            "--models",
            metavar="MODEL_PATH1 MODEL_NAME=MODEL_PATH2... [MODEL_PATH1 MODEL_NAME=MODEL_PATH2...]",
            nargs="+",
            help="Models to be loaded using [model_name=]model_location format",
        )
        for names, text in (
            (("--foreground",), "Display logs in the terminal and stay in the foreground"),
            (("--no-config-snapshots", "--ncs"), "Do not save a snapshot of the configuration"),
            (("--disable-token-auth", "--dt"), "Switch token authorization off"),
            (("--enable-model-api",), "Switch the API that registers and deletes models on"),
        ):
            parser.add_argument(*names, action="store_true", help=text)
        parser.add_argument("--plugins-path", "--ppath", help="Folder of plug-ins")
        return parser

    @staticmethod
    def model_service_worker_args() -> argparse.ArgumentParser:
        """Return the parser of the worker script's arguments."""
        parser = argparse.ArgumentParser(
            prog="model-server-worker", description="Model Server Worker"
        )
        parser.add_argument(
            "--sock-type",
            required=True,
            dest="sock_type",
            choices=["unix", "tcp"],
            help="Type of the socket: unix or tcp",
        )
        parser.add_argument("--sock-name", dest="sock_name", help="Path of a unix socket")
        parser.add_argument("--host", help="Address to listen on")
        parser.add_argument("--port", help="Port to listen on")
        parser.add_argument("--metrics-config", dest="metrics_config", help="Metrics configuration")
        parser.add_argument(
            "--async", dest="async_comm", action="store_true", help="Several requests at a time"
        )
        return parser

    @staticmethod
    def extract_args(args: Sequence[str] | None = None) -> argparse.Namespace:
        """Parse the ``torchserve`` command's arguments; unknown ones are ignored."""
        return ArgParser.ts_parser().parse_known_args(args)[0]
