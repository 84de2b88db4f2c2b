"""What people do at the console: a real browser, a real server, real models."""

from __future__ import annotations

import json
import os
import re
import shutil
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests
from browser import a_page, axe_findings, chromium, overflow
from conftest import MODELS
from torchserve_process import REPOSITORY, TorchServe, wait_for

SEVEN = REPOSITORY / "examples" / "digits" / "sample" / "seven.png"
MARKUP = '<img src=x onerror="window.pwned=1"><script>window.pwned=1</script>'
WORDS = """
def handle(data, context):
    if data is None:
        return None
    return [{"words": ["a", "fine", "<b>film</b>"], "importances": [0.0, 0.9, -0.4]} for _ in data]
"""
INK = """
(canvas) => {
  const {data} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  let red = 0, blue = 0;
  for (let i = 0; i < data.length; i += 4) {
    if (data[i] > data[i + 2] + 60) red++;
    if (data[i + 2] > data[i] + 60) blue++;
  }
  return {red, blue};
}
"""
ODD_ANSWERS = """
import json

SHAPES = {
    "one row": [0.1, -0.2, 0.3],
    "four levels": [[[[0.5, -0.5], [0.25, 0.0]]], [[[0.5, -0.5], [0.25, 0.0]]]],
    "null": [[0.1, None], [0.2, 0.3]],
    "empty": [],
    "uneven": [[1.0, 2.0], [3.0]],
    "deep": None,
    "zeros": [[0.0, 0.0], [0.0, 0.0]],
    "tiny": [[0.00012, -0.00034], [0.0, 0.00001]],
    "wide": [[float(i % 7 - 3) for i in range(1000)] for _ in range(2)],
    "too wide": [[1.0] * 70_000, [-1.0] * 70_000],
    "other shape": [[float(x - 5) for x in range(10)] for _ in range(40)],
    "negative": [-0.1] * 200 + ["end"],
}


def handle(data, context):
    if data is None:
        return None
    answers = []
    for row in data:
        wanted = row.get("body") or row.get("data")
        wanted = wanted if isinstance(wanted, str) else bytes(wanted).decode()
        if wanted == "deep":
            answers.append('{"attributions": ' + "[" * 20_000 + "]" * 20_000 + "}")
        elif wanted == "NaN":
            answers.append('{"attributions": [[NaN, 1.0], [0.5, Infinity]]}')
        elif wanted == "binary":
            answers.append(bytes(range(256)) * 40_000)
        elif wanted.startswith("huge"):
            answers.append("[" + "-0.125, " * 6_500_000 + "null]")
        elif wanted == "stream":
            answers.append((f"part{number} " for number in range(20_000)))
        elif wanted in SHAPES:
            answers.append({"attributions": SHAPES[wanted]})
        else:
            answers.append({"attributions": [[1.0, -1.0], [0.5, 0.0]]})
    return answers
"""
COUNT_LONG_TASKS = """
() => {
  window.longest = 0;
  new PerformanceObserver((list) => {
    for (const task of list.getEntries()) window.longest = Math.max(window.longest, task.duration);
  }).observe({type: "longtask"});
}
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as started:
        yield started


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    with a_page(browser) as made:
        yield made


def open_console(page: Any, server: TorchServe, route: str = "") -> None:
    page.goto(f"{server.management}/console/#/{route}")


def until(page: Any, text: str | re.Pattern[str]) -> None:
    page.get_by_text(text).first.wait_for()


# -- why is it down ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def troubled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TorchServe]:
    """A server one of whose models cannot be loaded."""
    running = TorchServe(tmp_path_factory.mktemp("troubled"))
    running.store.add_directory(MODELS / "broken_import")
    running.store.add_directory(MODELS / "commands")
    running.start("broken_import", "commands")
    running.wait_ready("commands")
    yield running
    running.stop()
    running.assert_nothing_left()


def test_overview_tells_why_a_model_is_down_and_its_page_shows_the_traceback(
    page: Any, troubled: TorchServe
) -> None:
    open_console(page, troubled)
    row = page.get_by_role("row", name=re.compile("broken_import"))
    row.get_by_text("a_module_that_does_not_exist").wait_for()
    page.get_by_role("row", name=re.compile("commands")).get_by_text("Ready").wait_for()
    row.get_by_role("link").click()
    page.get_by_role("heading", name="broken_import").wait_for()
    until(page, "Last error")
    own = page.locator("pre mark")
    own.first.wait_for()
    assert "handler.py" in own.last.inner_text()
    assert "import a_module_that_does_not_exist" in own.last.inner_text()
    assert not [text for text in own.all_inner_texts() if "/ts/" in text]


def test_log_is_followed_and_markup_in_it_stays_text(page: Any, troubled: TorchServe) -> None:
    troubled.order("print", text="before " + MARKUP)
    open_console(page, troubled, "models/commands/1.0/log")
    until(page, re.compile("before <img"))
    troubled.order("print", text="afterwards \u001b[31mred\u202e")
    until(page, re.compile("afterwards red"))
    assert page.evaluate("window.pwned") is None
    assert page.locator("main img, main script").count() == 0


def test_error_text_full_of_markup_and_control_characters_stays_text(
    page: Any, troubled: TorchServe
) -> None:
    troubled.order("raise", text=MARKUP + " \u202eturned\u0007 \u001b[31mred")
    open_console(page, troubled, "models/commands/1.0")
    until(page, re.compile(r"ValueError: <img"))
    # What turns the order of the text would turn the place behind it, too.
    error = page.locator(".error-line").inner_text()
    assert " turned red (command_handler.py:" in error, error
    assert not re.search("[\u202e\u0007\u001b]", page.locator("main").inner_text())
    assert page.evaluate("window.pwned") is None
    assert page.locator("main img, main script").count() == 0


# -- changing things --------------------------------------------------------------------------


def test_model_is_scaled_and_the_keyboard_is_enough(page: Any, server: TorchServe) -> None:
    open_console(page, server, "models/commands/1.0")
    button = page.get_by_role("button", name="Scale")
    button.focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    dialog.wait_for()
    page.keyboard.press("Escape")
    dialog.wait_for(state="hidden")
    button.click()
    dialog.get_by_label("Workers at least").fill("2")
    page.keyboard.press("Enter")
    until(page, re.compile("Processing worker updates"))
    wait_for(lambda: len(server.worker_pids("commands")) == 2, "two workers")
    wait_for(
        lambda: page.locator("table.workers tbody").get_by_text("Ready", exact=True).count() == 2,
        "both are shown",
    )
    server.describe("commands")
    requests.put(f"{server.management}/models/commands?min_worker=1&max_worker=1", timeout=60)


def test_model_is_registered_from_the_store_made_default_and_unregistered(
    page: Any, start: Callable[..., TorchServe]
) -> None:
    server = start()
    for version in ("1.0", "2.0"):
        server.store.write_handler(f"echo{version}", "def handle(data, context):\n    return data")
        manifest = server.store.path / f"echo{version}" / "MAR-INF" / "MANIFEST.json"
        manifest.write_text(
            manifest.read_text()
            .replace(f'"echo{version}"', '"echo"')
            .replace('"modelVersion": "1.0"', f'"modelVersion": "{version}"')
        )
    open_console(page, server)
    until(page, "No models yet")
    for version in ("1.0", "2.0"):
        page.get_by_role("button", name="Register a model").click()
        page.get_by_label("In the model store").select_option(f"echo{version}")
        page.get_by_role("dialog").get_by_role("button", name="Register").click()
        page.get_by_role("link", name=f"echo {version}").wait_for()
    page.get_by_role("link", name="echo 2.0").click()
    page.get_by_role("button", name="Set default").click()
    until(page, re.compile("Default version successfully updated"))
    assert server.describe("echo")["modelVersion"] == "2.0"
    page.get_by_label("Version").select_option("1.0")
    page.get_by_role("button", name="Unregister").click()
    dialog = page.get_by_role("dialog")
    assert "1.0" in dialog.inner_text()
    dialog.get_by_role("button", name="Unregister").click()
    until(page, re.compile('Model "echo" unregistered'))
    until(page, "This version is not there (any more).")
    answer = requests.get(f"{server.management}/models/echo/all", timeout=30).json()
    assert [model["modelVersion"] for model in answer] == ["2.0"]


def test_server_without_the_model_api_offers_no_button_for_it(
    page: Any, start: Callable[..., TorchServe]
) -> None:
    server = start(options=("--disable-token-auth",))
    open_console(page, server)
    until(page, "--enable-model-api")
    assert page.get_by_role("button", name="Register a model").count() == 0


def test_setting_switches_the_web_pages_off(start: Callable[..., TorchServe]) -> None:
    server = start(config={"enable_console": "false"})
    accept = {"Accept": "text/html"}
    for path in ("/console/", "/console/stream", "/openapi/"):
        assert requests.get(server.management + path, timeout=30).status_code == 404
    assert requests.get(server.management + "/", headers=accept, timeout=30).status_code == 405
    assert requests.get(server.management + "/openapi.json", timeout=30).status_code == 200


# -- trying a model ---------------------------------------------------------------------------


def test_prediction_for_a_picture_is_shown_with_its_headers_and_the_same_for_a_terminal(
    page: Any, server: TorchServe
) -> None:
    open_console(page, server, "models/digits/1.0/try")
    page.locator("input[type=file]").set_input_files(SEVEN)
    command = page.get_by_label("Command").inner_text()
    assert f"{server.inference}/predictions/digits/1.0" in command
    assert "image/png" in command
    assert "@seven.png" in command
    page.get_by_role("button", name="Send").click()
    body = page.get_by_label("Body of the answer")
    body.wait_for()
    assert json.loads(body.inner_text())["class"] == "7"
    page.get_by_text("Headers").click()
    until(page, "x-request-id")


def test_explanation_of_a_picture_is_drawn_over_it(page: Any, server: TorchServe) -> None:
    open_console(page, server, "models/digits/1.0/try")
    page.get_by_text("Explanation").click()
    page.locator("input[type=file]").set_input_files(SEVEN)
    page.get_by_role("button", name="Send").click()
    canvas = page.locator("canvas.heat-map")
    canvas.wait_for()
    assert "Most for the answer: row" in canvas.get_attribute("aria-label")
    ink = wait_for(lambda: _inked(canvas), "the heat map has both colours")
    assert ink["red"] > 1000, ink
    until(page, re.compile("for the answer"))


def _inked(canvas: Any) -> dict[str, int] | None:
    ink: dict[str, int] = canvas.evaluate(INK)
    return ink if ink["red"] and ink["blue"] else None


def test_explanation_of_words_colours_them(page: Any, start: Callable[..., TorchServe]) -> None:
    server = start()
    server.store.write_handler("words", WORDS)
    url = f"{server.management}/models?url=words&initial_workers=1"
    assert requests.post(url, timeout=60).status_code == 200
    open_console(page, server, "models/words/1.0/try")
    page.get_by_text("Explanation").click()
    page.get_by_text("Text", exact=True).click()
    page.get_by_label("Text", exact=True).last.fill("a fine film")
    page.get_by_role("button", name="Send").click()
    words = page.locator(".heat-word")
    words.first.wait_for()
    assert [text.split(" (")[0] for text in words.all_text_contents()] == [
        "a",
        "fine",
        "<b>film</b>",
    ]
    colours = words.evaluate_all("all => all.map((word) => word.style.backgroundColor)")
    assert "202, 52, 22" in colours[1]
    assert "28, 91, 196" in colours[2]
    assert axe_findings(page) == []


def test_stream_appears_as_it_comes(page: Any, server: TorchServe, tmp_path: Path) -> None:
    open_console(page, server, "models/commands/1.0/try")
    page.get_by_text("JSON", exact=True).click()
    gate = tmp_path / "gate"
    order = {"do": "stream", "tag": "piece", "chunks": 3, "gate": str(gate)}
    page.get_by_label("JSON", exact=True).last.fill(json.dumps(order))
    page.get_by_role("button", name="Send").click()
    body = page.get_by_label("Body of the answer")
    for number in range(3):
        wait_for(lambda n=number: f"piece{n}" in body.inner_text(), f"piece {number}")
        assert f"piece{number + 1}" not in body.inner_text()
        assert page.get_by_text("Coming").count() == 1
        Path(f"{gate}{number}").touch()
    wait_for(lambda: "last" in body.inner_text(), "the end of the stream")
    page.get_by_text("Coming").wait_for(state="hidden")


def test_error_of_a_model_and_json_that_is_none_are_told(page: Any, server: TorchServe) -> None:
    open_console(page, server, "models/commands/1.0/try")
    page.get_by_text("JSON", exact=True).click()
    page.get_by_label("JSON", exact=True).last.fill('{"do": ')
    until(page, re.compile("No valid JSON yet"))
    page.get_by_label("JSON", exact=True).last.fill('{"do": "raise", "text": "bad digit"}')
    page.get_by_role("button", name="Send").click()
    body = page.get_by_label("Body of the answer")
    body.wait_for()
    assert "bad digit" in body.inner_text()


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TorchServe]:
    """A server with a model whose answers are what a page would not expect."""
    running = TorchServe(
        tmp_path_factory.mktemp("odd"), config={"max_response_size": str(100 * 1024 * 1024)}
    )
    running.store.write_handler("odd", ODD_ANSWERS)
    running.start("odd")
    running.wait_ready("odd")
    yield running
    running.stop()
    running.assert_nothing_left()


def ask_odd(page: Any, server: TorchServe, what: str, kind: str = "Explanation") -> None:
    """Types a text into Try it, sends it and waits for the status of the answer."""
    open_console(page, server, "models/odd/1.0/try")
    page.get_by_text(kind, exact=True).click()
    page.get_by_text("Text", exact=True).click()
    page.get_by_label("Text", exact=True).last.fill(what)
    page.get_by_role("button", name="Send").click()
    page.locator(".answer .pill.good").wait_for()
    page.locator(".answer[aria-busy=false]").wait_for()


@pytest.mark.parametrize(
    ("what", "shown"),
    [
        ("one row", "Weight of each part"),
        ("four levels", "Nothing to draw"),
        ("null", "Nothing to draw"),
        ("NaN", "Nothing to draw"),
        ("empty", "Nothing to draw"),
        ("uneven", "Nothing to draw"),
        ("deep", "Nothing to draw"),
        ("too wide", "Nothing to draw"),
        ("zeros", "Heat map"),
        ("tiny", "0.00034 against"),
        ("wide", "1000 values"),
        ("negative", "Nothing to draw"),
    ],
)
def test_explanation_of_an_odd_shape_is_drawn_or_told(
    page: Any, odd: TorchServe, what: str, shown: str
) -> None:
    ask_odd(page, odd, what)
    until(page, re.compile(re.escape(shown)))
    assert page.get_by_label("Body of the answer").inner_text().startswith(("{", "["))


def test_heat_map_of_another_shape_than_the_picture_says_so(page: Any, odd: TorchServe) -> None:
    open_console(page, odd, "models/odd/1.0/try")
    page.get_by_text("Explanation", exact=True).click()
    page.locator("input[type=file]").set_input_files(
        {"name": "other.png", "mimeType": "image/png", "buffer": SEVEN.read_bytes()}
    )
    # The model is asked for a shape by text alone: the picture stays what was sent before.
    page.route("**/console/explanations/**", lambda route: route.continue_(post_data="other shape"))
    page.get_by_role("button", name="Send").click()
    until(page, re.compile("has another shape"))


def test_huge_answer_is_shown_as_far_as_it_is_read(page: Any, odd: TorchServe) -> None:
    open_console(page, odd, "models/odd/1.0/try")
    page.evaluate(COUNT_LONG_TASKS)
    ask_odd(page, odd, "huge", "Prediction")
    body = page.get_by_label("Body of the answer")
    assert body.inner_text().startswith("[-0.125, ")
    assert len(body.inner_text()) < 300_000
    print(f"\nhuge answer: the page was busy for {page.evaluate('window.longest'):.0f} ms at most")
    page.get_by_role("link", name="Log").click()
    until(page, "Log of the workers")


def test_binary_answer_is_shown_by_its_beginning(page: Any, odd: TorchServe) -> None:
    ask_odd(page, odd, "binary", "Prediction")
    beginning = page.get_by_label("Beginning of the body").inner_text()
    assert beginning.startswith("00 01 02 03")
    assert len(beginning) < 1000


def test_stream_of_very_many_parts_leaves_the_page_usable(page: Any, odd: TorchServe) -> None:
    open_console(page, odd, "models/odd/1.0/try")
    page.evaluate(COUNT_LONG_TASKS)
    ask_odd(page, odd, "stream", "Prediction")
    body = page.get_by_label("Body of the answer").inner_text()
    assert body.startswith("part0 part1 ")
    longest = page.evaluate("window.longest")
    print(f"\nstream of 20,000 parts: the page was busy for {longest:.0f} ms at most")
    assert longest < 1000


# -- tokens, other pages ----------------------------------------------------------------------


def test_tokens_are_asked_for_and_stay_in_the_page(
    page: Any, start: Callable[..., TorchServe]
) -> None:
    server = start(
        options=(),
        environment={
            "TS_MANAGEMENT_TOKEN": "management-token-of-tests",
            "TS_INFERENCE_TOKEN": "inference-token-of-tests",
        },
    )
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    server.store.write_handler("echo", "def handle(data, context):\n    return data")
    management = {"Authorization": "Bearer management-token-of-tests"}
    open_console(page, server)
    field = page.get_by_label("Token", exact=True)
    field.fill("a-wrong-token-of-tests")
    page.get_by_role("button", name="Open the console").click()
    page.get_by_role("alert").get_by_text("does not take this token").wait_for()
    assert axe_findings(page) == []
    field.fill("inference-token-of-tests")
    page.get_by_role("button", name="Open the console").click()
    until(page, re.compile("valid, but for another API"))
    field.fill("management-token-of-tests")
    page.get_by_role("button", name="Open the console").click()
    until(page, re.compile("--enable-model-api"))
    state = page.evaluate(
        "JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])"
    )
    assert state == '[{},{},""]'
    assert not [url for url in asked if "token-of-tests" in url]
    answer = requests.get(f"{server.management}/console/stream", timeout=30)
    assert answer.status_code == 401
    answer = requests.post(
        f"{server.management}/console/predictions/echo/1.0", headers=management, timeout=30
    )
    assert answer.status_code == 401
    assert "x-ts-inference-token" in answer.json()["detail"]
    page.reload()
    page.get_by_label("Token", exact=True).wait_for()


def test_token_that_is_replaced_is_asked_for_anew(
    page: Any, start: Callable[..., TorchServe]
) -> None:
    server = start(options=())
    server.store.write_handler("echo", "def handle(data, context):\n    return data")
    server.stop()
    server.start("echo")
    keys = server.folder / "key_file.json"

    def token(kind: str) -> str:
        return str(json.loads(keys.read_text(encoding="utf-8"))[kind]["key"])

    open_console(page, server, "models/echo/1.0")
    page.get_by_label("Token", exact=True).fill(token("management"))
    page.get_by_role("button", name="Open the console").click()
    until(page, "Live")
    page.locator(".chart canvas").first.wait_for()
    rotate = requests.get(
        f"{server.management}/token?type=management",
        headers={"Authorization": f"Bearer {token('API')}"},
        timeout=60,
    )
    assert rotate.status_code == 200, rotate.text
    page.get_by_role("alert").get_by_text("does not take this token").wait_for()
    page.get_by_label("Token", exact=True).fill(token("management"))
    page.get_by_role("button", name="Open the console").click()
    page.get_by_role("heading", name="echo").wait_for()
    page.locator(".chart canvas").first.wait_for()


def test_page_of_another_origin_can_neither_frame_it_nor_use_it(
    browser: Any, server: TorchServe
) -> None:
    html = f"""<iframe id=f src="{server.management}/console/"></iframe><script>
    fetch("{server.management}/models/commands?min_worker=7", {{method: "PUT"}})
      .then((r) => r.status, () => "refused").then((s) => document.title = s)</script>"""

    class Foreign(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-type", "text/html")
            self.end_headers()
            self.wfile.write(html.encode())

        def log_message(self, *_: object) -> None:
            pass

    foreign = ThreadingHTTPServer(("127.0.0.1", 0), Foreign)
    threading.Thread(target=foreign.serve_forever, daemon=True).start()
    try:
        with a_page(browser) as page:
            page.goto(f"http://127.0.0.1:{foreign.server_port}/")
            wait_for(lambda: page.title() == "refused", "the page was refused")
            frame = page.locator("#f").element_handle().content_frame()
            assert frame.locator("#root").count() == 0
    finally:
        foreign.shutdown()
        foreign.server_close()
    assert server.describe("commands")["minWorkers"] != 7
    for origin in ("http://evil.example", "null"):
        answer = requests.put(
            f"{server.management}/models/commands?min_worker=7",
            headers={"Origin": origin},
            timeout=30,
        )
        assert answer.status_code == 403


# -- many, small, broken ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def crowded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TorchServe]:
    """A server with 50 models, without workers."""
    running = TorchServe(tmp_path_factory.mktemp("crowded"))
    running.start()
    for number in range(50):
        name = f"model_with_a_long_name_{number:02}"
        running.store.write_handler(name, "def handle(data, context):\n    return data")
        url = f"{running.management}/models?url={name}&initial_workers=0"
        assert requests.post(url, timeout=60).status_code == 200
    yield running
    running.stop()
    running.assert_nothing_left()


def test_fifty_models_are_shown_and_found_without_jank(page: Any, crowded: TorchServe) -> None:
    open_console(page, crowded)
    rows = page.locator("table.models tbody tr")
    wait_for(lambda: rows.count() == 50, "50 rows")
    page.evaluate(COUNT_LONG_TASKS)
    before = crowded_time(page)
    wait_for(lambda: crowded_time(page) - before > 6000, "some samples")
    assert page.evaluate("window.longest") < 500
    page.get_by_label("Filter models").fill("name_4")
    wait_for(lambda: rows.count() == 10, "the filter finds ten")
    page.get_by_label("Filter models").fill("no such model")
    until(page, re.compile("No model has"))


def crowded_time(page: Any) -> float:
    return float(page.evaluate("performance.now()"))


VIEWS = ["", "models/digits/1.0", "models/digits/1.0/try", "models/digits/1.0/settings"]


@pytest.mark.parametrize("width", [360, 2000])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_view_fits_its_window_and_axe_finds_nothing(
    browser: Any, server: TorchServe, width: int, scheme: str
) -> None:
    size = {"width": width, "height": 800}
    with a_page(browser, viewport=size, color_scheme=scheme) as page:
        for view in [*VIEWS, "models/commands/1.0/log"]:
            open_console(page, server, view)
            page.get_by_role("heading", level=1).wait_for()
            if view.endswith("1.0"):
                page.locator(".chart canvas").first.wait_for()
            until(page, "Live")
            assert overflow(page) <= 0, view
            assert axe_findings(page) == [], view


def test_restart_of_the_server_is_told_and_the_page_comes_back(
    page: Any, start: Callable[..., TorchServe]
) -> None:
    server = start()
    server.store.write_handler("echo", "def handle(data, context):\n    return data")
    open_console(page, server)
    until(page, "Live")
    server.stop()
    page.get_by_role("alert").get_by_text("No connection to the server").wait_for()
    server.start("echo")
    until(page, "Live")
    page.get_by_role("link", name="echo 1.0").wait_for()
    page.get_by_role("alert").wait_for(state="detached")


# -- what it costs ----------------------------------------------------------------------------


def test_page_goes_on_while_models_come_and_go_and_workers_die(
    page: Any, start: Callable[..., TorchServe]
) -> None:
    server = start()
    server.store.add_directory(MODELS / "commands")
    for name in ("first", "second"):
        server.store.write_handler(name, "def handle(data, context):\n    return data")
    for name in ("commands", "first"):
        url = f"{server.management}/models?url={name}&initial_workers=1"
        assert requests.post(url, timeout=60).status_code == 200
    open_console(page, server, "models/commands/1.0")
    workers = page.locator("table.workers tbody")
    workers.get_by_text("Ready", exact=True).wait_for()
    (pid,) = server.worker_pids("commands")
    os.kill(pid, 9)
    workers.get_by_text(re.compile("signal 9")).wait_for()
    workers.get_by_text("Ready", exact=True).wait_for()
    page.get_by_role("link", name="Models").first.click()
    for _ in range(3):
        url = f"{server.management}/models?url=second&initial_workers=0"
        assert requests.post(url, timeout=60).status_code == 200
        page.get_by_role("link", name="second 1.0").wait_for()
        assert requests.delete(f"{server.management}/models/second", timeout=60).status_code == 200
        page.get_by_role("link", name="second 1.0").wait_for(state="detached")
    page.get_by_role("link", name="first 1.0").click()
    assert requests.delete(f"{server.management}/models/first", timeout=60).status_code == 200
    until(page, "This version is not there (any more).")
    assert axe_findings(page) == []


def test_files_of_the_console_are_small_and_nothing_comes_from_outside(
    page: Any, server: TorchServe
) -> None:
    (jar,) = (REPOSITORY / "frontend" / "server" / "target" / "lib").glob("tsnext-console-*.jar")
    with zipfile.ZipFile(jar) as files:
        sizes = {
            entry.filename: entry.file_size
            for entry in files.infolist()
            if "/console/console/" in entry.filename and entry.filename.endswith(".gz")
        }
    assert len(sizes) == 5, sizes
    assert sum(sizes.values()) < 150 * 1024, sizes
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    began = time.perf_counter()
    open_console(page, server)
    page.locator("table.models").wait_for()
    print(
        f"\nconsole: {sum(sizes.values())} bytes, shown after {time.perf_counter() - began:.2f} s"
    )
    assert [url for url in asked if not url.startswith(server.management)] == []


def test_ten_consoles_cost_next_to_nothing(server: TorchServe) -> None:
    """The figure is printed; the limit leaves room for a machine that has other things to do."""
    assert server.process is not None
    frontend = next(pid for pid, words in server.processes().items() if "ModelServer" in words)
    java = psutil.Process(frontend)

    def used(seconds: float) -> float:
        before, began = java.cpu_times(), time.monotonic()
        time.sleep(seconds)
        after = java.cpu_times()
        spent = after.user + after.system - before.user - before.system
        return spent / (time.monotonic() - began)

    with requests.Session() as session:
        alone = used(10)
        streams = [
            session.get(f"{server.management}/console/stream", stream=True, timeout=60)
            for _ in range(10)
        ]
        readers = [threading.Thread(target=_read, args=(stream,)) for stream in streams]
        for reader in readers:
            reader.start()
        together = used(10)
        for stream in streams:
            stream.raw._fp.fp.raw._sock.shutdown(2)
        for reader in readers:
            reader.join(30)
    print(f"\nten consoles: {together - alone:.2%} of a core more than none ({alone:.2%})")
    assert together - alone < 0.1


def _read(stream: requests.Response) -> None:
    try:
        for _ in stream.iter_lines():
            pass
    except (requests.RequestException, OSError, AttributeError):
        pass


# -- the page of the API ----------------------------------------------------------------------


@pytest.mark.parametrize("listener", ["inference", "management"])
def test_page_of_the_api_shows_and_tries_it_within_its_policy(
    page: Any, server: TorchServe, listener: str
) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    base = getattr(server, listener)
    page.goto(f"{base}/")
    if listener == "management":
        page.get_by_role("link", name="API").click()
    page.locator(".opblock").first.wait_for()
    path = "/ping" if listener == "inference" else "/models"
    block = page.locator(".opblock-get").filter(has_text=re.compile(f"GET{path}(?!/)")).first
    block.locator(".opblock-summary-control").click()
    block.get_by_role("button", name="Execute").click()
    block.locator(".live-responses-table").get_by_text("200").first.wait_for()
    assert [url for url in asked if not url.startswith((base, "data:", "blob:"))] == []


# -- pictures for the documentation -----------------------------------------------------------


@pytest.mark.skipif(
    "TSNEXT_WRITE_SCREENSHOTS" not in os.environ,
    reason="writes docs/images anew, with TSNEXT_WRITE_SCREENSHOTS=1 alone",
)
def test_screenshots_for_the_documentation(
    browser: Any, start: Callable[..., TorchServe], digits_archive: Path, tmp_path: Path
) -> None:
    server = start(torch=True)
    shutil.copy(digits_archive, server.store.path)
    server.store.add_directory(MODELS / "broken_import", "sentiment")
    manifest = server.store.path / "sentiment" / "MAR-INF" / "MANIFEST.json"
    manifest.write_text(manifest.read_text().replace("broken_import", "sentiment"))
    from torchserve_process import ModelStore

    shutil.copy(ModelStore.build_example("echo_stream", tmp_path / "echo"), server.store.path)
    for url in ("digits.mar&initial_workers=2", "echo_stream.mar&initial_workers=1"):
        requests.post(f"{server.management}/models?url={url}", timeout=120).raise_for_status()
    requests.post(
        f"{server.management}/models?url=sentiment&initial_workers=1&synchronous=false", timeout=60
    ).raise_for_status()
    end = time.monotonic() + float(os.environ.get("TSNEXT_SCREENSHOT_SEC", "120"))
    picture = SEVEN.read_bytes()
    turn = 0
    while time.monotonic() < end:
        turn += 1
        for _ in range(1 + turn // 40 % 3):
            server.predict("digits", data=picture)
        if turn % 5 == 0:
            server.predict("echo_stream", data=b"one two three")
        time.sleep(0.03)
    images = REPOSITORY / "docs" / "images"
    images.mkdir(exist_ok=True)
    options = {"device_scale_factor": 1.5, "color_scheme": "light"}
    with a_page(browser, viewport={"width": 1180, "height": 560}, **options) as page:
        stop = threading.Event()
        traffic = threading.Thread(target=_ask_until, args=(server, picture, stop))
        traffic.start()
        try:
            open_console(page, server)
            page.get_by_text("a_module_that_does_not_exist").first.wait_for()
            time.sleep(4)
            _save(page, images / "console.png")
            page.set_viewport_size({"width": 1180, "height": 900})
            open_console(page, server, "models/digits/1.0")
            page.locator(".chart canvas").first.wait_for()
            time.sleep(3)
            _save(page, images / "console-model.png")
            open_console(page, server, "models/sentiment/1.0")
            page.locator("pre mark").first.wait_for()
            page.set_viewport_size({"width": 1180, "height": 720})
            _save(page, images / "console-error.png")
            page.set_viewport_size({"width": 1180, "height": 900})
            open_console(page, server, "models/digits/1.0/try")
            page.get_by_text("Explanation").click()
            page.locator("input[type=file]").set_input_files(SEVEN)
            page.get_by_role("button", name="Send").click()
            page.locator("canvas.heat-map").wait_for()
            time.sleep(0.5)
            _save(page, images / "console-explanation.png")
        finally:
            stop.set()
            traffic.join()


def _ask_until(server: TorchServe, picture: bytes, stop: threading.Event) -> None:
    while not stop.is_set():
        server.predict("digits", data=picture)
        time.sleep(0.03)


def _save(page: Any, target: Path) -> None:
    """As a PNG of 256 colours, a third of the size."""
    from PIL import Image

    with Image.open(BytesIO(page.screenshot())) as shot:
        shot.convert("RGB").quantize(256, dither=Image.Dither.NONE).save(target, optimize=True)
    assert target.stat().st_size < 300_000, target
