"""Makes the mistakes of docs/troubleshooting.md; `test_mistakes.py` reads what is seen."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
import requests
from grpc_api import Client
from torchserve_process import LIMIT_SEC, TorchServe

WORKS = """
import json
import os

from ts.handler_utils.utils import send_intermediate_predict_response


def handle(data, context):
    if data is None:
        return None
    body = data[0].get("body", b"")
    order = bytes(body).decode() if isinstance(body, (bytes, bytearray)) else body
    if order == "raise":
        return [digit_of("x") for _ in data]
    if order == "one value":
        return 7
    if order == "object":
        return [{"answer": object()}]
    if order == "exit":
        os._exit(7)
    if order == "stream":
        send(["one "], context)
        raise ValueError("the tape ended")
    if order == "chunks":
        send(["a", "b"], context)
    return [json.loads(data[0]["body"])]


def digit_of(text):
    return int(text)


def send(chunks, context):
    send_intermediate_predict_response(chunks, context.request_ids, "", 200, context)
"""
"""Does as its body says."""

NO_KEY = """
class Handler:
    def initialize(self, context):
        self.labels = self.read({})

    def read(self, config):
        return config["vocab"]

    def handle(self, data, context):
        return data
"""
TORCH = """
import os

import torch


class Handler:
    def initialize(self, context):
        folder = context.system_properties["model_dir"]
        self.model = torch.jit.load(os.path.join(folder, "model.pt"))

    def handle(self, data, context):
        return data
"""
ECHO = "def handle(data, context):\n    return data\n"
HANDLERS = {
    "works": WORKS,
    "no_key": NO_KEY,
    "no_package": f"import cv7\n\n{ECHO}",
    "syntax": "def handle(data, context:\n    return data\n",
    "no_file": f"LABELS = open('labels.txt').read()\n{ECHO}",
    "segfault": "import os\n\nos.kill(os.getpid(), 11)\n",
    "memory": "import os\n\nos.kill(os.getpid(), 9)\n",
    "torch_load": TORCH,
}
"""The models of the shared server; `works` does as its body says, all others cannot be loaded."""

QUICK = "minWorkers: 1\nmaxWorkers: 1\nmaxRetryTimeoutInSec: 0\nretryOnWorkerDeath: false\n"
LOADS = "minWorkers: 1\nmaxWorkers: 1\nretryOnWorkerDeath: false\n"


class World:
    """The shared server, and the commands beside it, in a folder of their own."""

    def __init__(self, server: TorchServe, folder: Path) -> None:
        self.server = server
        self.folder = folder
        folder.mkdir(exist_ok=True)
        # Commands see no server but those that they start.
        self.environment = {**server.environment, "TEMP": str(folder), "TMPDIR": str(folder)}

    def typed(self, program: str, *words: str) -> str:
        """What a command prints that fails."""
        done = subprocess.run(
            [str(Path(self.server.command()[0]).parent / program), *words],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=LIMIT_SEC,
            check=False,
        )
        return done.stdout + done.stderr

    def configured(self, *lines: str) -> str:
        """What a start says to a settings file of these lines."""
        store = f"model_store={self.server.store.path}"
        text = "\n".join((store, "inference_address=http://127.0.0.1:0", *lines))
        (self.folder / "config.properties").write_text(text + "\n")
        return self.typed("torchserve", "--start", "--ncs", "--ts-config", "config.properties")

    def checked(self, line: str) -> str:
        """What `--check` says to a settings file with this line."""
        text = f"model_store={self.server.store.path}\n{line}\n"
        (self.folder / "config.properties").write_text(text)
        return self.typed("torchserve", "--check", "--ts-config", "config.properties")

    def inferred(self, method: str, path: str) -> str:
        """The error of a request to the inference API."""
        return self.asked(method, self.server.inference, path, data=b"x")

    def asked(self, method: str, address: str, path: str, **arguments: Any) -> str:
        """The error that a request is answered with."""
        answer = requests.request(method, address + path, timeout=LIMIT_SEC, **arguments)
        assert answer.status_code >= 400, answer.text
        body: dict[str, Any] = answer.json()
        return f"{body['code']} {body['message']} {body.get('detail', '')}"

    def predicted(self, body: str, **arguments: Any) -> str:
        """The error of a prediction of the model that works until it is told otherwise."""
        return self.asked(
            "POST", self.server.inference, "/predictions/works", data=body, **arguments
        )

    def managed(self, method: str, path: str, **arguments: Any) -> str:
        """The error of a request to the management API."""
        return self.asked(method, self.server.management, path, **arguments)

    def streamed(self, body: str) -> str:
        """The error that a stream over gRPC ends with."""
        with Client(self.server) as client:
            request = client.request("works", input={"body": body.encode()})
            try:
                list(client.stream(request, metadata=()))
            except grpc.RpcError as error:
                return f"{error.details()} {error.trailing_metadata()}"
        raise AssertionError("the stream ended well")

    def described(self, model: str) -> str:
        """Why a model is down; the first 503 and `/ready` say the same."""
        return str(self.server.describe(model)["reason"])

    def packed(self, *words: str) -> str:
        """What `torch-model-archiver` says."""
        return self.typed("torch-model-archiver", "--version", "1.0", *words)


def archived(world: World) -> str:
    """Packs the same archive twice."""
    (world.folder / "handler.py").write_text("def handle(data, context):\n    return data\n")
    words = ("--model-name", "twice", "--handler", "handler.py")
    world.packed(*words)
    return world.packed(*words)


def configured_model(world: World) -> str:
    """Registers a model whose model-config.yaml has a wrong value."""
    if not (world.server.store.path / "wrong_value").exists():
        world.server.store.write_handler("wrong_value", "", "batchSize: many\n")
    return world.managed("POST", "/models?url=wrong_value")


def two_nodes(world: World) -> str:
    """Registers a model whose workers would be spread over two machines."""
    if not (world.server.store.path / "two_nodes").exists():
        config = "parallelType: tp\ntorchrun: {nproc-per-node: 2, nnodes: 2}\n"
        world.server.store.write_handler("two_nodes", ECHO, config)
    return world.managed("POST", "/models?url=two_nodes")


def second_server(world: World) -> str:
    """Starts a server on the address of the shared one."""
    return world.configured(
        f"management_address={world.server.management}", "metrics_address=http://127.0.0.1:0"
    )


def stopped(world: World) -> str:
    """Stops with the file of no server, while one runs."""
    file = world.folder / "other.properties"
    file.touch()
    done = subprocess.run(
        world.server.command("--stop", "--ts-config", str(file)),
        cwd=world.folder,
        env=world.server.environment,
        capture_output=True,
        text=True,
        timeout=LIMIT_SEC,
        check=False,
    )
    return done.stdout + done.stderr


def broken_archive(world: World) -> str:
    """Registers a file that is no archive."""
    (world.server.store.path / "broken.mar").write_bytes(b"PK\x03\x04 and no more")
    return world.managed("POST", "/models?url=broken.mar")


def nothing_there(world: World) -> str:
    """Stops where no server runs."""
    folder = world.folder / "empty"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    elsewhere = World(world.server, folder)
    return elsewhere.typed("torchserve", "--stop")


def missing(world: World) -> str:
    """What is told of a model of the start that is not in the store."""
    error = world.server.describe("missing")["lastError"]
    return f"{error['message']}: {error['detail']}"


def misspelt_key(world: World) -> str:
    """Packs a model-config.yaml with a key that is none."""
    (world.folder / "handler.py").write_text(ECHO)
    (world.folder / "model-config.yaml").write_text("batchsize: 4\n")
    words = ("--model-name", "misspelt", "--handler", "handler.py")
    return world.packed(*words, "--config-file", "model-config.yaml", "--force")


def of_model(model: str) -> Callable[[World], str]:
    """Why a model of the start is down."""
    return lambda world: world.described(model)


def of_body(body: str, **arguments: Any) -> Callable[[World], str]:
    """What a prediction is answered."""
    return lambda world: world.predicted(body, headers=BYTES, **arguments)


FORM = {"content-type": "application/x-www-form-urlencoded"}
BYTES = {"content-type": "application/octet-stream"}
JSON = json.dumps({"url": "works"})
GRPC = "/org.pytorch.serve.grpc.inference.InferenceAPIsService/Predictions"

MAKERS: dict[str, Callable[[World], str]] = {
    "the same archive is packed again": lambda world: archived(world).replace("\n", " "),
    "`--model-name a/b`": lambda world: world.packed(
        "--model-name", "a/b", "--handler", "h.py"
    ).replace("\n", " "),
    "`--serialized-file no.pt`, which is not there": lambda world: world.packed(
        *("--model-name", "m", "--handler", "image_classifier", "--serialized-file", "no.pt")
    ),
    "`batchsize: 4` in model-config.yaml": misspelt_key,
    "`torchserve --start` and no model store": lambda world: world.typed("torchserve", "--start"),
    "`--ts-config nope.properties`, which is not there": lambda world: world.typed(
        "torchserve", "--start", "--ts-config", "nope.properties"
    ),
    "a second server on the address of the first": second_server,
    "`--models missing.mar`, which is not in the store": missing,
    "a handler whose `initialize` raises": of_model("no_key"),
    "`import cv7`, which is not installed": of_model("no_package"),
    "a handler with a syntax error": of_model("syntax"),
    "`open('labels.txt')`, which was not packed": of_model("no_file"),
    "a state dict where TorchScript is loaded": of_model("torch_load"),
    "C code that crashes": of_model("segfault"),
    "a model that needs more memory than there is": of_model("memory"),
    "`defalt_workers_per_model=2`": lambda world: world.checked("defalt_workers_per_model=2"),
    "`number_of_netty_threads=many`": lambda world: world.configured(
        "number_of_netty_threads=many"
    ),
    "`management_address=8081`": lambda world: world.configured("management_address=8081"),
    "`batchSize: many` in model-config.yaml": configured_model,
    "`POST /models?url=work.mar`, which is not in the store": lambda world: world.managed(
        "POST", "/models?url=work.mar"
    ),
    "`POST /models` with a file that is no archive": broken_archive,
    "`POST /models?url=works&initial_worker=1`": lambda world: world.managed(
        "POST", "/models?url=works&initial_worker=1"
    ),
    "`PUT /models/works?min_workers=2`": lambda world: world.managed(
        "PUT", "/models/works?min_workers=2"
    ),
    '`curl -d \'{"url": "works"}\' .../models`': lambda world: world.managed(
        "POST", "/models", data=JSON, headers=FORM
    ),
    "`url=https://example.org/m.mar`": lambda world: world.managed(
        "POST", "/models?url=https://example.org/m.mar"
    ),
    "`torchrun: {nnodes: 2}` beside `parallelType: tp`": two_nodes,
    "a prediction at the management address": lambda world: world.managed(
        "POST", "/predictions/works", data=b"x"
    ),
    "`POST /prediction/works`": lambda world: world.inferred("POST", "/prediction/works"),
    "`PATCH /models`": lambda world: world.managed("PATCH", "/models"),
    "a call of gRPC at the HTTP address": lambda world: world.inferred("POST", GRPC),
    "`GET /ping` at the port of gRPC": lambda world: world.asked(
        "GET", f"http://127.0.0.1:{world.server.grpc_inference_port}", "/ping"
    ),
    "`POST /predictions/work`": lambda world: world.inferred("POST", "/predictions/work"),
    "`POST /predictions/works/2.0`": lambda world: world.inferred("POST", "/predictions/works/2.0"),
    "`curl -d '{\"x\": 1}' .../predictions/works`": lambda world: world.predicted(
        '{"x": 1}', headers=FORM
    ),
    "an input that the handler cannot read": of_body("raise"),
    "a handler that returns one value for a batch": of_body("one value"),
    "a handler that returns an object": of_body("object"),
    "a handler that ends its process": of_body("exit"),
    "a handler that raises in the middle of a stream": lambda world: world.streamed("stream"),
    "two chunks for one request": of_body("chunks"),
    "`torchserve --stop`, and the server has another temporary folder": nothing_there,
    "`torchserve --stop --ts-config other.properties`": stopped,
}
"""Makes each mistake of docs/troubleshooting.md, by its first cell, and returns what is seen."""
