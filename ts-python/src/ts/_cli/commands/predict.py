"""``torchserve predict MODEL FILE``: asks a model."""

from __future__ import annotations

import argparse
import base64
import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ts._cli.commands import DONE, FAILED
from ts._cli.commands.models import unknown_model
from ts._cli.commands.running import find_server
from ts._cli.commands.words import Commands, add_connection, add_server, print_json, say
from ts._cli.errors import Refusal
from ts._cli.streams import failure_of
from ts._content_types import BINARY, TEXT, content_type_of
from ts.client import Client, Response, ServerError


def add(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add(
        "predict",
        "send a file or a text to a model, and print its answer",
        run,
        [
            "torchserve predict digits seven.png",
            "torchserve predict words --data 'one two three'",
            "torchserve predict tagger --data '[1, 2]' --content-type application/json",
            "torchserve predict digits seven.png --explain --output why.json",
            "cat seven.png | torchserve predict digits -",
        ],
        description="Send a file or a text to a model of the server, with the token that it needs,"
        " and print its answer as it comes.",
    )
    parser.add_argument("model", metavar="MODEL", help="the name of the model")
    parser.add_argument(
        "file", metavar="FILE", nargs="?", help="what to send; - for standard input"
    )
    parser.add_argument("--data", metavar="TEXT", help="send this text in place of a file")
    parser.add_argument("--version", metavar="VERSION", help="default: the default version")
    parser.add_argument("--explain", action="store_true", help="ask for the explanation")
    parser.add_argument(
        "--content-type",
        metavar="TYPE",
        help="default: by the file's name (.json, .txt), text for --data, else bytes",
    )
    parser.add_argument(
        "--header", metavar="'NAME: VALUE'", action="append", default=[], help="one more header"
    )
    parser.add_argument("--output", metavar="FILE", help="write the answer there")
    add_server(parser)
    add_connection(parser)


def run(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Carry out the command."""
    body, content_type = input_of(arguments.file, arguments.data, arguments.content_type)
    headers = dict(_header(line) for line in arguments.header)
    with find_server(arguments.ts_config, environ).client(arguments, environ) as client:
        words: dict[str, Any] = {
            "version": arguments.version,
            "content_type": content_type,
            "headers": headers,
        }
        started = time.monotonic()
        try:
            if arguments.explain or arguments.json:
                return _print_whole(client, arguments, body, words, started)
            chunks = client.stream(arguments.model, body, **words)
            return _write(chunks, arguments.output)
        except ServerError as error:
            if arguments.json:
                print_json(_error_json(error))
                return FAILED
            if error.status == 404 and error.type == "ModelNotFoundException":
                raise unknown_model(client, arguments.model, error) from error
            kind = f" {error.type}" if error.type else ""
            say(f"The server answered {error.status}{kind}: {error.message}")
            if error.detail:
                say(error.detail)
            return FAILED


def input_of(file: str | None, data: str | None, content_type: str | None) -> tuple[bytes, str]:
    """Return what to send, and its content type.

    Raises:
        Refusal: The file cannot be read, or neither or both are given.
    """
    if (file is None) == (data is None):
        raise Refusal(
            "Expected a FILE, - for standard input, or --data TEXT; and only one of them."
        )
    if data is not None:
        return data.encode("utf-8"), content_type or TEXT
    if file == "-":
        return sys.stdin.buffer.read(), content_type or BINARY
    path = Path(str(file))
    try:
        body = path.read_bytes()
    except OSError as problem:
        raise Refusal(f"{path} cannot be read: {problem.strerror}.") from problem
    return body, content_type or content_type_of(path)


def _header(line: str) -> tuple[str, str]:
    name, colon, value = line.partition(":")
    if not colon or not name.strip():
        raise Refusal(f"--header {line!r}: expected 'NAME: VALUE'.")
    return name.strip(), value.strip()


def _print_whole(
    client: Client,
    arguments: argparse.Namespace,
    body: bytes,
    words: Mapping[str, Any],
    started: float,
) -> int:
    route = client.explain_response if arguments.explain else client.predict_response
    response = route(arguments.model, body, **words)
    if not arguments.json:
        return _write(iter([response.content]), arguments.output)
    print_json(_response_json(response, time.monotonic() - started))
    return DONE


def _write(chunks: Any, output: str | None) -> int:
    if output is not None:
        first = next(chunks, b"")  # an error of the server leaves the file as it was
        with open(output, "wb") as file:
            file.write(first)
            for chunk in chunks:
                file.write(chunk)
        return DONE
    terminal = sys.stdout.isatty()
    last = b"\n"
    for chunk in chunks:
        if terminal and not _is_text(chunk):
            raise Refusal("The answer is binary; --output FILE writes it to a file.")
        sys.stdout.flush()
        sys.stdout.buffer.write(chunk)
        last = chunk
        if failure_of(sys.stdout) is not None:  # the model need not go on
            break
    if terminal and not last.endswith(b"\n"):
        print()
    return DONE


def _is_text(chunk: bytes) -> bool:
    # A chunk may end within a letter; a terminal takes no other control characters.
    return not any(byte < 32 and byte not in b"\t\n\r" for byte in chunk)


def _response_json(response: Response, seconds: float) -> dict[str, Any]:
    said: dict[str, Any] = {
        "status": response.status,
        "contentType": response.headers.get("content-type"),
        "requestId": response.headers.get("x-request-id"),
        "seconds": round(seconds, 4),
    }
    try:
        value = response.value
        if isinstance(value, bytes):
            value = response.text
        json.dumps(value, allow_nan=False)
        said["value"] = value
    except ValueError:  # neither text nor JSON
        said["base64"] = base64.b64encode(response.content).decode("ascii")
    return said


def _error_json(error: ServerError) -> dict[str, Any]:
    return {
        "status": error.status,
        "type": error.type or None,
        "message": error.message,
        "detail": error.detail or None,
        "requestId": error.request_id or None,
    }
