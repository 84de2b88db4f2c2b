"""The figures of exported models: what is measured, and how a table shows it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from perf.export_forms import (
    FORMS,
    NETWORKS,
    Cost,
    Form,
    NotHere,
    cost_of,
    parse,
    state_dict,
    table,
)


def test_each_kind_of_weights_is_measured() -> None:
    told = " ".join(form.name for form in FORMS)
    for kind in (".pt`", ".safetensors`", ".pt2`", ".onnx`", "AOTInductor", "torch.compile"):
        assert kind in told


def test_all_networks_are_measured_with_one_thread_by_default() -> None:
    arguments = parse([])
    assert (arguments.network, arguments.threads, arguments.rounds) == ([], 1, 0)
    assert parse(["digits"]).network == ["digits"]


@pytest.mark.parametrize("words", [["cats"], ["--threads", "0"], ["--rounds", "-1"]])
def test_network_or_number_that_makes_no_sense_is_refused(words: list[str]) -> None:
    with pytest.raises(SystemExit):
        parse(words)


def test_model_is_loaded_and_run_in_a_process_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = Path(__file__).parents[3]
    monkeypatch.setenv("PYTHONPATH", f"{root / 'test'}:{root / 'ts-python' / 'src'}")
    threads = torch.get_num_threads()
    cost = cost_of(Form("eager", state_dict, {}), NETWORKS["digits"], tmp_path, 1, 3)
    assert isinstance(cost, Cost)
    assert cost.load_sec > 0
    assert set(cost.wall_ms) == set(cost.cpu_ms) == set(cost.first_sec) == {1, 8}
    assert torch.get_num_threads() == threads
    assert not any(tmp_path.rglob("*.pt")), "the files are removed"


def test_form_that_cannot_be_made_says_why(tmp_path: Path) -> None:
    def make(folder: Path, network: object) -> dict[str, str]:
        raise NotHere("there is no c++")

    cost = cost_of(Form("compiled", make, {}), NETWORKS["digits"], tmp_path, 1, 3)
    assert cost == "not measured: there is no c++"
    rows = table({"eager": Cost(0.5, {1: 0.1, 8: 0.2}, {1: 1, 8: 4}, {1: 2, 8: 8}), "x": cost})
    head, _, measured, reason = rows.splitlines()
    assert head.count("|") == measured.count("|") == reason.count("|")
    assert measured == "| eager | 0.50 | 0.10 | 2 | 1 | 0.20 | 8 | 4 |"
    assert reason.startswith("| x | not measured: there is no c++ |")
