"""Models as users write them, packed by the real archiver, through the running server."""

from __future__ import annotations

import base64
import io
import json
import re
import subprocess
import sys
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests
import torch
from PIL import Image
from torchserve_process import REPOSITORY, TorchServe, wait_for
from ts.handler_utils.text_utils import ngrams_iterator
from ts.torch_handler._loading import load_model_class

HANDLERS = REPOSITORY / "test" / "handlers"
TEXT = {"content-type": "text/plain"}
BINARY = {"content-type": "application/octet-stream"}
NEWS_WORDS = "the dog can not run".split()

MICRO_CONFIG = """
batchSize: 4
maxBatchDelay: 2000
handler:
  profile: true
micro_batching:
  micro_batch_size: 2
  parallelism: {preprocess: 1, inference: 2, postprocess: 1}
"""


class Double(torch.nn.Module):
    """Twice its input."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return 2 * x


def image_scores() -> torch.nn.Module:
    """Return a network from images to three scores."""
    torch.manual_seed(7)
    return torch.nn.Sequential(
        torch.nn.Conv2d(3, 4, 3, stride=8),
        torch.nn.ReLU(),
        torch.nn.AdaptiveAvgPool2d(1),
        torch.nn.Flatten(),
        torch.nn.Linear(4, 3),
    ).eval()


def new_model(folder: str) -> torch.nn.Module:
    """Return a model of the class in a folder of `HANDLERS`."""
    torch.manual_seed(7)
    model: torch.nn.Module = load_model_class(HANDLERS / folder / "model.py")()
    return model.eval()


class Archives:
    """Packs models into a store."""

    def __init__(self, store: Path, scratch: Path) -> None:
        self.store = store
        self.scratch = scratch

    def pack(self, name: str, handler: str | Path, **options: object) -> None:
        """Run `torch-model-archiver`; options are those of the command."""
        words = [str(Path(sys.executable).parent / "torch-model-archiver")]
        words += ["--model-name", name, "--version", "1.0", "--handler", str(handler)]
        words += ["--export-path", str(self.store)]
        for option, value in options.items():
            words += ["--" + option.replace("_", "-"), str(value)]
        subprocess.run(words, check=True)

    def write(self, name: str, content: object) -> Path:
        """Write a file beside the archives: a text, JSON of a dict, or tensors."""
        path = self.scratch / name
        path.parent.mkdir(exist_ok=True)
        if isinstance(content, str):
            path.write_text(content, encoding="utf-8")
        elif path.suffix == ".json":
            path.write_text(json.dumps(content), encoding="utf-8")
        elif isinstance(content, torch.nn.Module):
            with warnings.catch_warnings():
                # It is deprecated, and what most archives hold.
                warnings.filterwarnings("ignore", message=r"`torch\.jit", category=Warning)
                torch.jit.save(torch.jit.script(content), path)
        else:
            torch.save(content, path)
        return path

    def pack_all(self) -> None:
        """Pack every model of this file's tests."""
        mnist = HANDLERS / "mnist"
        weights = self.write("mnist.pt", new_model("mnist").state_dict())
        compiled = "pt2:\n  compile:\n    enable: true\n    backend: eager\n"
        self.pack(
            "mnist",
            mnist / "mnist_handler.py",
            model_file=mnist / "model.py",
            serialized_file=weights,
            config_file=self.write("compiled.yaml", compiled),
        )
        shapes = {"0": ["n1", "circle"], "1": ["n2", "square"], "2": ["n3", "star"]}
        self.pack(
            "shapes",
            "image_classifier",
            serialized_file=self.write("shapes.pt", image_scores()),
            extra_files=self.write("shapes/index_to_name.json", shapes),
        )
        names = {"object_type_names": ["background", "cat", "dog"]}
        self.pack(
            "detector",
            "object_detector",
            model_file=HANDLERS / "detector" / "model.py",
            extra_files=self.write("detector/index_to_name.json", names),
        )
        vocabulary = {t: i for i, t in enumerate(ngrams_iterator(NEWS_WORDS, 2))}
        news_files = [
            self.write("news/source_vocab.pt", vocabulary),
            self.write("news/index_to_name.json", {"0": "bad", "1": "good"}),
        ]
        self.pack(
            "news",
            "text_classifier",
            model_file=HANDLERS / "news" / "model.py",
            serialized_file=self.write("news.pt", new_model("news").state_dict()),
            extra_files=",".join(map(str, news_files)),
        )
        self.pack(
            "micro",
            HANDLERS / "micro" / "micro_handler.py",
            serialized_file=self.write("double.pt", Double()),
            config_file=self.write("micro.yaml", MICRO_CONFIG),
        )
        self.pack(
            "values",
            HANDLERS / "values" / "values_handler:entry",
            extra_files=HANDLERS / "values" / "extra",
        )
        two = "minWorkers: 2\nmaxWorkers: 2\nhandler:\n  greeting: [hello, 1]\n"
        self.pack(
            "report",
            HANDLERS / "report" / "report_handler.py",
            config_file=self.write("report.yaml", two),
        )
        self.pack(
            "async_echo",
            HANDLERS / "async_echo" / "async_handler.py",
            config_file=self.write("async.yaml", "asyncCommunication: true\n"),
        )
        for name in ("parallel", "shadows"):
            folder = HANDLERS / name
            self.pack(name, folder / f"{name}_handler.py", extra_files=folder / "extra")
        self.pack("words", HANDLERS / "words" / "words_handler.py")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TorchServe]:
    """One server with all models of this file."""
    config = {"model_metrics_auto_detect": "true"}
    running = TorchServe(tmp_path_factory.mktemp("handlers"), config=config, torch=True)
    Archives(running.store.path, tmp_path_factory.mktemp("files")).pack_all()
    models = sorted(path.name for path in running.store.path.iterdir())
    running.start(*models)
    for model in models:
        running.wait_ready(model.removesuffix(".mar"))
    yield running
    running.stop()
    running.assert_nothing_left()


def png(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


RED = png(Image.new("RGB", (40, 30), (200, 10, 10)))
GREY = png(Image.linear_gradient("L").resize((28, 28)))


def ask(server: TorchServe, model: str, text: str) -> Any:
    """Return the JSON of an answer to a text."""
    answer = server.predict(model, data=text, headers=TEXT)
    assert answer.status_code == 200, answer.text
    return answer.json()


# -- default handlers and classes derived from them ---------------------------------------------


def test_classifier_of_one_s_own_predicts_explains_describes(server: TorchServe) -> None:
    pixels = torch.tensor(list(Image.open(io.BytesIO(GREY)).tobytes())).view(1, 1, 28, 28) / 255
    expected = new_model("mnist")((pixels - 0.1307) / 0.3081).argmax().item()
    assert server.predict("mnist", data=GREY).json() == expected
    answer = requests.post(f"{server.inference}/explanations/mnist", data=GREY, timeout=60)
    assert torch.tensor(answer.json()).shape == (1, 28, 28)
    url = f"{server.management}/models/mnist?customized=true"
    described = requests.get(url, timeout=30).json()[0]
    assert described["customizedMetadata"] == {"classes": list("0123456789")}
    assert "Compiled model with backend eager" in server.log("model_log.log")


def test_image_classifier_takes_files_forms_and_base64(server: TorchServe) -> None:
    answers = [
        server.predict("shapes", data=RED),
        server.predict("shapes", files={"data": ("red.png", RED, "image/png")}),
        server.predict("shapes", data=base64.b64encode(RED), headers=TEXT),
        server.predict("shapes", json={"data": base64.b64encode(RED).decode()}),
    ]
    first = answers[0].json()
    assert set(first) == {"circle", "square", "star"}
    assert list(first.values()) == sorted(first.values(), reverse=True)
    assert sum(first.values()) == pytest.approx(1)
    assert [answer.json() for answer in answers[1:]] == [first] * 3
    assert answers[0].text == json.dumps(first, indent=2)
    bad = server.predict("shapes", data=b"not an image", headers=BINARY)
    assert bad.status_code == 400
    assert "cannot be read as an image" in bad.json()["message"]


def test_object_detector_names_what_it_is_sure_of(server: TorchServe) -> None:
    answer = server.predict("detector", data=RED).json()
    assert answer == [{"cat": [0, 0, 40, 30], "score": pytest.approx(0.9)}]


def test_text_classifier_predicts_and_explains(server: TorchServe) -> None:
    answer = ask(server, "news", "The <b>dog</b> can not run!")
    assert list(answer) == ["bad", "good"]
    assert sum(answer.values()) == pytest.approx(1)
    url = f"{server.inference}/explanations/news"
    explained = requests.post(url, data=" ".join(NEWS_WORDS), headers=TEXT, timeout=60).json()
    assert explained["words"] == NEWS_WORDS
    assert explained["importances"]


def test_micro_batches_and_metrics(server: TorchServe) -> None:
    def double(number: int) -> Any:
        return server.predict("micro", data=str(number), headers=BINARY).json()

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(double, range(4)))
    assert answers == [{"doubled": 2.0 * number, "slice": 2} for number in range(4)]
    for line in (
        r"RowsSeen\.Count:2\.0\|#ModelName:doubler,Kind:all\|",
        r"RowCount\.Count:2\.0\|#Kind:number,ModelName:micro,Level:Model\|.*requestID:[^,]+,[^,]+,",
        r"RowSize\.Kilobytes:4\.5\|#ModelName:micro,Level:Model\|.*requestID:[^,]+,timestamp",
        r"RowShare\.Percent:50\.0\|",
        r"RowTime\.Seconds:0\.25\|",
        r"RowError\..*:1\.0\|#Level:Error\|",
        r"RowSpread\.Count:2\.0\|",
        r"ts_handler_preprocess\.Milliseconds:",
        r"HandlerTime\.ms:",
        r"PredictionTime\.ms:.*requestID:([^,]+,){4}timestamp:",
    ):
        server.wait_log("model_metrics.log", line)


# -- what handlers return ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("str", "grüße".encode()),
        ("bytes", b"\x00\xff"),
        ("bytearray", b"ab"),
        (
            "dict",
            b'{\n  "a": [\n    1,\n    2.5,\n    null,\n    true\n  ],\n  "3": {\n    "b": []\n'
            b'  },\n  "\\u00e9": 1e-09\n}',
        ),
        ("ordered", b'{\n  "z": 1,\n  "a": 2\n}'),
        ("tuple", b'[\n  1,\n  "b",\n  [\n    1,\n    2\n  ]\n]'),
        ("list", b"[]"),
        ("none", b"null"),
        ("number", b"0.1"),
        ("true", b"true"),
        ("numpy_float64", b"1.5"),
        ("numpy_float32", b"1.5"),
        ("numpy_array", b"[\n  0.0,\n  0.0\n]"),
        ("in_numpy", b'{\n  "a": 3\n}'),
        ("in_tensor", b'{\n  "a": [\n    1.0\n  ]\n}'),
        ("generator", b'{\n  "body": "generator"\n}'),
        ("sibling", b'[\n  "from the sibling",\n  "from the package"\n]'),
    ],
)
def test_values_become_the_bytes_they_always_did(
    server: TorchServe, name: str, body: bytes
) -> None:
    answer = server.predict("values", data=name, headers=TEXT)
    assert (answer.status_code, answer.content) == (200, body)


@pytest.mark.parametrize("name", ["tensor", "parameter"])
def test_tensors_travel_as_torch_save_writes_them(server: TorchServe, name: str) -> None:
    answer = server.predict("values", data=name, headers=TEXT)
    tensor = torch.load(io.BytesIO(answer.content), weights_only=True)
    assert tensor.tolist() == {"tensor": [0, 1, 2], "parameter": [1, 1]}[name]


UNSUPPORTED = "Unsupported model output data type."
NO_JSON = "The response cannot be sent as JSON"
INVALID = "Invalid model predict output"
FAILED = "Prediction failed"
WITH_PLACE = "PredictionException (values_handler.py:"


@pytest.mark.parametrize(
    ("name", "code", "message", "detail"),
    [
        ("nan_in_array", 500, f'{NO_JSON}: ["a"][1] is NaN', "JSON has no such number."),
        ("set", 503, UNSUPPORTED, "TypeError: Object of type set is not JSON"),
        ("nan", 500, f'{NO_JSON}: [0]["scores"][3] is NaN', "JSON has no such number."),
        ("nan_float64", 500, f"{NO_JSON}: the value is NaN", "JSON has no such number."),
        ("infinite", 500, f"{NO_JSON}: [0] is Infinity", "JSON has no such number."),
        ("surrogate", 503, UNSUPPORTED, "UnicodeEncodeError: "),
        ("circular", 503, UNSUPPORTED, "ValueError: Circular reference"),
        ("deep", 503, UNSUPPORTED, "RecursionError: "),
        ("return_tuple", 503, INVALID, "the handler returned tuple, expected list"),
        ("return_tensor", 503, INVALID, "the handler returned Tensor, expected list"),
        ("return_array", 503, INVALID, "the handler returned ndarray, expected list"),
        ("return_none", 503, INVALID, "the handler returned NoneType, expected list"),
        ("prediction_exception", 404, "no such digit", WITH_PLACE),
        (
            "prediction_exception_default",
            500,
            "it is so",
            WITH_PLACE,
        ),
        ("prediction_exception_odd", 500, "{'a': 1}", WITH_PLACE),
        ("cuda", 503, FAILED, "RuntimeError: CUDA out of memory"),
        ("memory", 507, "Out of resources", "MemoryError"),
        ("assert", 503, FAILED, "AssertionError: not x"),
        ("key", 503, FAILED, "KeyError: 'absent'"),
        ("stop", 503, FAILED, "StopIteration"),
    ],
)
def test_what_fails_says_why_and_the_worker_stays(
    server: TorchServe, name: str, code: int, message: str, detail: str
) -> None:
    before = server.worker_pids("values")
    # So many failures in a row would be a reason to replace it.
    assert server.predict("values", data="tensor", headers=TEXT).status_code == 200
    answer = server.predict("values", data=name, headers=TEXT)
    error = answer.json()
    assert (answer.status_code, error["code"], error["message"]) == (code, code, message)
    type_of_client = "ResourceNotFoundException" if code == 404 else None
    assert error["type"] == (type_of_client or "InternalServerException")
    assert error["detail"].startswith(detail)
    assert server.worker_pids("values") == before


# -- what handlers see --------------------------------------------------------------------------


def test_context_while_the_model_loads(server: TorchServe) -> None:
    seen = ask(server, "report", "load")
    properties = seen["system_properties"]
    folder = properties.pop("model_dir")
    assert properties == {
        "gpu_id": None,
        "batch_size": 1,
        "server_name": "MMS",
        "server_version": seen["version"],
        "limit_max_image_pixels": True,
    }
    assert Path(seen["cwd"]).resolve() == Path(folder).resolve()
    assert seen["manifest"]["model"]["handler"] == "report_handler.py"
    assert seen["model_name"] == "report"
    assert (seen["request_ids"], seen["request_id"]) == ("None", None)
    # What a program of its own would take.
    fresh = subprocess.run(
        [sys.executable, "-c", "import torch; print(torch.get_num_threads())"],
        capture_output=True,
        check=True,
    )
    assert seen["threads"] == int(fresh.stdout)
    assert ask(server, "report", "config_file")["handler"] == {"greeting": ["hello", 1]}
    loads = (
        r"Loads\.Count:1\.0\|#ModelName:report,Level:Model\|.*,requestID:[-0-9a-f]{36},timestamp:"
    )
    server.wait_log("model_metrics.log", loads)


def test_process_is_as_a_program_of_its_own_would_be(server: TorchServe) -> None:
    seen = ask(server, "report", "process")
    pid, name = seen.pop("pid"), seen.pop("name")
    path, (module, file) = seen.pop("path"), seen.pop("module")
    assert seen == {
        "main": "__main__",
        "main_thread": True,
        "threads": 1,
        "session": True,
        "stdin": "",
        "SIGTERM": True,
        "SIGINT": True,
        "SIGCHLD": True,
    }
    assert (module, str(Path(file).parent)) == ("report_handler", path[0])
    workers = {worker["pid"]: worker["id"] for worker in server.describe("report")["workers"]}
    assert name == f"ts-worker-{workers[pid]}"


def test_workers_draw_different_random_numbers(server: TorchServe) -> None:
    draws: dict[int, list[float]] = {}

    def both() -> bool:
        *numbers, pid = ask(server, "report", "draws")
        draws.setdefault(pid, numbers)
        return len(draws) == 2

    wait_for(both, "an answer of each worker")
    first, second = draws.values()
    assert all(a != b for a, b in zip(first, second, strict=True))


def test_attributes_of_the_context_live_as_long_as_the_worker(server: TorchServe) -> None:
    workers = len(server.worker_pids("report"))
    calls = [ask(server, "report", "calls")["calls"] for _ in range(workers + 1)]
    assert max(calls) > 1


def test_headers_ids_status(server: TorchServe) -> None:
    answer = server.predict(
        "report",
        data="headers",
        headers={**TEXT, "X-Own": "v", "x-request-id": "given-1"},
    )
    headers = answer.json()
    assert headers["X-Own"] == "v"
    assert headers["explain"] == "False"
    assert headers["url_path"] == ""
    assert headers["body"] == {"content-type": "text/plain"}
    answer = server.predict("report", data="ids", headers=TEXT)
    assert answer.json() == [answer.headers["x-request-id"]] * 2
    answer = server.predict("report", data="status", headers=TEXT)
    assert (answer.status_code, answer.reason) == (201, "Made")
    assert (answer.headers["x-number"], answer.headers["content-type"]) == ("7", "text/x-report")
    assert answer.json() == ["made", [201, "Made"]]
    answer = server.predict("report", data="all_status", headers=TEXT)
    assert (answer.status_code, answer.reason, answer.text) == (202, "Taken", "taken")


def test_everything_a_handler_says_is_in_the_model_log(server: TorchServe) -> None:
    assert server.predict("report", data="say", headers=TEXT).text == "ok"
    worker = r"W-\d+-report_1\.0-std"
    server.wait_log("model_log.log", rf"INFO.*{worker}out MODEL_LOG - said on stdout é$")
    server.wait_log("model_log.log", rf"WARN.*{worker}err MODEL_LOG - said on stderr$")
    server.wait_log("model_log.log", rf"INFO.*{worker}out MODEL_LOG - said by the logger$")
    server.wait_log("model_log.log", rf"INFO.*{worker}out MODEL_LOG - said by another logger 7$")
    server.wait_log("model_log.log", rf"INFO.*{worker}out MODEL_LOG - said by a child$")
    server.wait_log("model_log.log", rf"INFO.*{worker}out MODEL_LOG - said by the descriptor$")
    assert "not said" not in server.log("model_log.log")


def test_handler_that_prints_much_loses_no_line(server: TorchServe) -> None:
    assert server.predict("report", data="much", headers=TEXT).text == "ok"
    server.wait_log("model_log.log", r"MODEL_LOG - line 19999 x")
    numbers = re.findall(r"MODEL_LOG - line (\d+) x", server.log("model_log.log"))
    assert numbers == [str(number) for number in range(20_000)]


# -- what handlers do ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("action", "result"),
    [
        ("matmul", True),  # before the others: torch's threads run when they fork
        ("loader", [[0, 1], [4, 9], [16, 25], [36, 49]]),
        ("fork_pool", [0, 1, 4, 9]),
        ("spawn_pool", [0, 1, 4, 9]),
        ("forkserver_pool", [0, 1, 4, 9]),
        ("threads", 1),
        ("command", 42),
        ("alarm", True),
        ("share", [3, 3, 3, 3]),
    ],
)
def test_threads_processes_and_data_loaders_work(
    server: TorchServe, action: str, result: object
) -> None:
    answer = server.predict("parallel", data=action, headers=BINARY)
    assert answer.json() == result


def test_package_of_the_archive_wins_over_one_the_server_has(server: TorchServe) -> None:
    assert server.predict("shadows", data=b"x").text == "the archive's yaml"


def test_both_import_paths_of_streaming_send_chunks(server: TorchServe) -> None:
    answer = server.predict("words", data=b"", stream=True)
    assert b"".join(answer.iter_content(None)) == b"one two three"
    assert answer.headers["content-type"] == "text/x-words"
    assert answer.headers["transfer-encoding"] == "chunked"


def test_asynchronous_handler_answers_in_any_order(server: TorchServe) -> None:
    bodies = [{"seconds": 1.0}, {"seconds": 0.0, "chunks": 3}, {"seconds": 0.01}]
    order: list[float] = []

    def post(body: dict[str, Any]) -> requests.Response:
        answer = server.predict("async_echo", json=body)
        order.append(body["seconds"])
        return answer

    with ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(post, bodies))
    assert order[-1] == 1.0
    for body, answer in zip(bodies, answers, strict=True):
        chunks = "".join(f"{n} " for n in range(int(body.get("chunks", 0))))
        assert answer.text == f"{chunks}{body['seconds']} {answer.headers['x-request-id']}"
