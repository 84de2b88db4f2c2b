"""One model in each form that default handlers load: how long that takes, what inferences cost.

``scripts/bench exports`` runs it: examples/digits, and torchvision's ResNet-18 with random weights.
Each form is loaded by `BaseHandler` in a process of its own, which has torch imported, as workers
have. Time of the load is until `initialize` has returned; the first inference, which is where
`torch.compile` compiles, is apart. A form that cannot be made here says why.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from importlib import metadata
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[2]
DIGITS = REPOSITORY / "examples" / "digits"
BATCHES = (1, 8)
LIMIT_SEC = 1200.0

RESNET = """
from torchvision.models.resnet import BasicBlock, ResNet


class ResNet18(ResNet):
    def __init__(self):
        super().__init__(BasicBlock, [2, 2, 2, 2])
"""


@dataclass(frozen=True)
class Network:
    """A model to be exported.

    Attributes:
        shape: Of one input.
        rounds: Inferences that are measured at each size of a batch.
    """

    name: str
    shape: tuple[int, ...]
    rounds: int


@dataclass(frozen=True)
class Form:
    """A way to hand a model over.

    Attributes:
        make: Writes the files into a folder and returns the manifest's ``model``; raises
            `NotHere` where this machine lacks something.
        config: Content of model-config.yaml.
    """

    name: str
    make: Callable[[Path, Network], dict[str, str]]
    config: dict[str, Any]


@dataclass(frozen=True)
class Cost:
    """What was measured; milliseconds by size of the batch, medians."""

    load_sec: float
    first_sec: dict[int, float]
    wall_ms: dict[int, float]
    cpu_ms: dict[int, float]


class NotHere(Exception):
    """This machine cannot make the form; the text says what is missing."""


NETWORKS = {
    "digits": Network("digits", (1, 8, 8), 2000),
    "resnet18": Network("resnet18", (3, 224, 224), 60),
}


def write_class(folder: Path, network: Network) -> None:
    """Write the Python file of the network's class."""
    if network.name == "digits":
        shutil.copy(DIGITS / "model.py", folder)
    else:
        (folder / "model.py").write_text(RESNET)


def eager(folder: Path, network: Network) -> Any:
    """Return the network, with its weights, for inference."""
    import torch
    from ts.torch_handler._loading import load_model_class

    write_class(folder, network)
    torch.manual_seed(1)
    model = load_model_class(folder / "model.py")()
    if network.name == "digits":
        model.load_state_dict(torch.load(DIGITS / "digits.pt", weights_only=True))
    return model.eval()


def state_dict(folder: Path, network: Network) -> dict[str, str]:
    """Write the weights as torch.save does."""
    import torch

    torch.save(eager(folder, network).state_dict(), folder / "model.pt")
    return {"modelFile": "model.py", "serializedFile": "model.pt"}


def tensors_alone(folder: Path, network: Network) -> dict[str, str]:
    """Write the weights as safetensors."""
    _require("safetensors")
    from safetensors.torch import save_file

    save_file(eager(folder, network).state_dict(), folder / "model.safetensors")
    return {"modelFile": "model.py", "serializedFile": "model.safetensors"}


def torchscript(folder: Path, network: Network) -> dict[str, str]:
    """Write a traced program of TorchScript."""
    import torch

    trace: Any = torch.jit.trace
    traced = trace(eager(folder, network), torch.zeros(2, *network.shape))
    torch.jit.save(traced, str(folder / "model.pt"))
    return {"serializedFile": "model.pt"}


def program(folder: Path, network: Network) -> dict[str, str]:
    """Write a program of torch.export."""
    import torch

    torch.export.save(_exported(folder, network), folder / "model.pt2")
    return {"serializedFile": "model.pt2"}


def compiled_package(folder: Path, network: Network) -> dict[str, str]:
    """Write a package of AOTInductor."""
    if shutil.which("c++") is None:
        raise NotHere("there is no c++")
    import torch

    exported = _exported(folder, network)
    torch._inductor.aoti_compile_and_package(exported, package_path=str(folder / "model.pt2"))
    return {"serializedFile": "model.pt2"}


def onnx(folder: Path, network: Network) -> dict[str, str]:
    """Write an ONNX model."""
    for package in ("onnxruntime", "onnxscript"):
        _require(package)
    import torch

    torch.onnx.export(
        eager(folder, network),
        (torch.zeros(2, *network.shape),),
        folder / "model.onnx",
        dynamic_shapes=({0: torch.export.Dim("batch", min=1, max=64)},),
        external_data=False,
        verbose=False,
    )
    return {"serializedFile": "model.onnx"}


def _exported(folder: Path, network: Network) -> Any:
    import torch

    batch = torch.export.Dim("batch", min=1, max=64)
    example = (torch.zeros(2, *network.shape),)
    return torch.export.export(eager(folder, network), example, dynamic_shapes=({0: batch},))


def _require(package: str) -> None:
    if importlib.util.find_spec(package) is None:
        raise NotHere(f"{package} is not installed")


def _with_compiler(folder: Path, network: Network) -> dict[str, str]:
    if shutil.which("c++") is None:
        raise NotHere("there is no c++")
    return state_dict(folder, network)


COMPILE = {"pt2": {"compile": {"enable": True}}}
KEPT = "torch.compile, kept code"
FORMS = (
    Form("eager, `.pt`", state_dict, {}),
    Form("eager, `.safetensors`", tensors_alone, {}),
    Form("TorchScript, `.pt`", torchscript, {}),
    Form("torch.export, `.pt2`", program, {}),
    Form("AOTInductor, `.pt2`", compiled_package, {}),
    Form("ONNX Runtime, `.onnx`", onnx, {}),
    Form("torch.compile, first start", _with_compiler, COMPILE),
    Form(KEPT, _with_compiler, COMPILE),
)


def measure(folder: Path, network: Network, threads: int, rounds: int) -> Cost:
    """Load what a folder holds and run it; in a process that does nothing else."""
    import torch
    from ts.context import Context
    from ts.torch_handler.base_handler import BaseHandler

    torch.set_num_threads(threads)
    described = json.loads((folder / "described.json").read_text())
    manifest = {"model": described["model"]}
    config = described["config"]
    context = Context(
        network.name, str(folder), manifest, max(BATCHES), None, "", model_yaml_config=config
    )
    handler = BaseHandler()
    started = time.perf_counter()
    handler.initialize(context)
    load_sec = time.perf_counter() - started
    first, wall, cpu = {}, {}, {}
    for size in BATCHES:
        torch.manual_seed(size)
        data = torch.rand(size, *network.shape)
        started = time.perf_counter()
        handler.inference(data)
        first[size] = time.perf_counter() - started
        for _ in range(max(3, rounds // 10)):
            handler.inference(data)
        walls, began = [], time.process_time()
        for _ in range(rounds):
            started = time.perf_counter()
            handler.inference(data)
            walls.append(time.perf_counter() - started)
        cpu[size] = (time.process_time() - began) * 1000 / rounds
        wall[size] = statistics.median(walls) * 1000
    return Cost(load_sec, first, wall, cpu)


def measured_apart(folder: Path, network: Network, threads: int, rounds: int) -> Cost:
    """Return what a new process measures.

    Raises:
        RuntimeError: It failed; the text is the end of what it printed.
    """
    words = [sys.executable, "-m", "perf.export_forms", "--measure", str(folder)]
    words += ["--threads", str(threads), "--rounds", str(rounds), network.name]
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": str(threads),
        "TORCHINDUCTOR_CACHE_DIR": str(folder.parent / "kept"),
    }
    done = subprocess.run(
        words, capture_output=True, text=True, timeout=LIMIT_SEC, env=environment, check=False
    )
    if done.returncode != 0:
        raise RuntimeError(done.stderr.strip()[-2000:])
    said = json.loads(done.stdout.strip().splitlines()[-1])
    by_size = {
        name: {int(size): value for size, value in said[name].items()}
        for name in ("first_sec", "wall_ms", "cpu_ms")
    }
    return Cost(said["load_sec"], **by_size)


def table(costs: dict[str, Cost | str]) -> str:
    """Return the Markdown table of one network; a text stands for why there is no cost."""
    head = ["form", "load, s"]
    for size in BATCHES:
        head += [f"first of {size}, s", f"batch {size}: CPU ms", "wall ms"]
    rows = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    for name, cost in costs.items():
        if isinstance(cost, str):
            rows.append(f"| {name} | {cost} |" + " |" * (len(head) - 2))
            continue
        cells = [name, f"{cost.load_sec:.2f}"]
        for size in BATCHES:
            cells.append(f"{cost.first_sec[size]:.2f}")
            cells += [f"{cost.cpu_ms[size]:.3g}", f"{cost.wall_ms[size]:.3g}"]
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


def conditions(threads: int) -> str:
    """Return where and when this was measured."""
    import torch

    packages = [f"torch {torch.__version__}", f"Python {platform.python_version()}"]
    with contextlib.suppress(metadata.PackageNotFoundError):
        packages.append(f"onnxruntime {metadata.version('onnxruntime')}")
    today = datetime.now(timezone.utc).date()
    load = os.getloadavg()[0]
    return (
        f"{today}, {platform.machine()}, {os.cpu_count()} CPUs, {threads} thread(s) of torch, load "
        f"average {load:.1f} at the end; {', '.join(packages)}"
    )


def parse(words: list[str]) -> argparse.Namespace:
    """Return the arguments of the command line."""
    parser = argparse.ArgumentParser(prog="scripts/bench exports", description=__doc__)
    parser.add_argument("network", nargs="*", help=f"of {', '.join(NETWORKS)}; default: all")
    parser.add_argument("--threads", type=int, default=1, help="of torch; default 1")
    parser.add_argument("--rounds", type=int, default=0, help="inferences for each figure")
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args(words)
    for name in arguments.network:
        if name not in NETWORKS:
            parser.error(f"there is no network {name}, expected one of {', '.join(NETWORKS)}")
    if not 1 <= arguments.threads <= 1024:
        parser.error(f"--threads {arguments.threads}, expected 1 to 1024")
    if not 0 <= arguments.rounds <= 1_000_000:
        parser.error(f"--rounds {arguments.rounds}, expected 0 (each network's own) to 1000000")
    return arguments


def cost_of(form: Form, network: Network, scratch: Path, threads: int, rounds: int) -> Cost | str:
    """Make a form and measure it, or say why there is none."""
    folder = scratch / network.name / form.name.replace(" ", "-").replace("`", "")
    folder.mkdir(parents=True)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(sys.stderr):
            warnings.simplefilter("ignore")  # of exporters, about their own future
            model = form.make(folder, network)
        described = {"model": model, "config": form.config}
        (folder / "described.json").write_text(json.dumps(described))
        return measured_apart(folder, network, threads, rounds)
    except NotHere as reason:
        return f"not measured: {reason}"
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def main() -> int:
    """Measure each form of each network, and print a table for each."""
    arguments = parse(sys.argv[1:])
    networks = [NETWORKS[name] for name in arguments.network or NETWORKS]
    if arguments.measure is not None:
        (network,) = networks
        cost = measure(arguments.measure, network, arguments.threads, arguments.rounds)
        print(json.dumps(asdict(cost)))
        return 0
    scratch = Path(tempfile.mkdtemp(prefix="bench-"))
    os.environ["TORCHINDUCTOR_CACHE_DIR"] = str(scratch / "packages")
    try:
        for network in networks:
            costs: dict[str, Cost | str] = {}
            for form in FORMS:
                print(f"{network.name}: {form.name}", file=sys.stderr)
                rounds = arguments.rounds or network.rounds
                costs[form.name] = cost_of(form, network, scratch, arguments.threads, rounds)
            print(f"\n{network.name}\n\n{table(costs)}")
        print(f"\n{conditions(arguments.threads)}")
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
