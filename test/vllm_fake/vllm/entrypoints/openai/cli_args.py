"""The command line of ``vllm serve``, as far as it is set here."""

from __future__ import annotations

from argparse import ArgumentParser


def make_arg_parser(parser: ArgumentParser) -> ArgumentParser:
    for name in ("--model", "--chat-template", "--lora-modules", "--dtype", "--download-dir"):
        parser.add_argument(name)
    parser.add_argument("--served-model-name", nargs="+")
    parser.add_argument("--max-num-seqs", type=int, default=256)
    parser.add_argument("--max-model-len", type=int)
    parser.add_argument("--tensor-parallel-size", type=int, default=1)
    parser.add_argument("--enable-lora", action="store_true")
    parser.add_argument("--trust-remote-code", action="store_true")
    return parser
