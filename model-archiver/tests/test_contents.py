"""Which files go in, and under which names."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

import pytest
from archiver_project import Project, manifest_of, read_back
from model_archiver import ModelArchiver
from model_archiver._config_keys import KNOWN_KEYS
from model_archiver._handlers import BUILT_IN
from model_archiver.model_archiver_error import ModelArchiverError


def packed(project: Project, **changes: object) -> set[str]:
    """Names in an archive of the handler and what `changes` give."""
    nothing: dict[str, object] = dict.fromkeys(
        ["serialized_file", "model_file", "requirements_file", "config_file", "extra_files"]
    )
    config = project.config(**{**nothing, "force": True, **changes})
    ModelArchiver.generate_model_archive(config)
    return set(read_back(project.out / "m.mar")) - {"MAR-INF/MANIFEST.json"}


@pytest.mark.parametrize("words", ["handler.py", "handler", "handler.py:handle", "handler:handle"])
def test_handler_may_be_named_with_and_without_suffix_and_function(
    project: Project, words: str
) -> None:
    assert packed(project, handler=str(project.root / words)) == {"handler.py"}
    assert manifest_of(project.out / "m.mar")["model"]["handler"] == words


@pytest.mark.parametrize("name", sorted(BUILT_IN))
def test_built_in_handler_needs_no_file(project: Project, name: str) -> None:
    assert packed(project, handler=name) == set()
    assert manifest_of(project.out / "m.mar")["model"]["handler"] == name


def test_file_whose_path_merely_holds_py_is_found(project: Project) -> None:
    project.write("my.pyfiles/h.py")
    assert packed(project, handler=str(project.root / "my.pyfiles/h")) == {"h.py"}


def test_lsp_handlers_are_libraries(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    project.write("own.so")
    monkeypatch.setattr("sys.platform", "linux")
    assert packed(project, runtime="LSP", handler="TorchScriptHandler") == set()
    assert packed(project, runtime="LSP", handler=str(project.root / "own")) == {"own.so"}


def test_extra_files_are_trimmed_and_empty_parts_skipped(project: Project) -> None:
    a, b = project.write("a.txt"), project.write("b.txt")
    assert packed(project, extra_files=f" {a} ,, {b}, ") == {"handler.py", "a.txt", "b.txt"}


def test_same_named_sub_directories_of_extra_directories_are_merged(project: Project) -> None:
    project.write("one/lib/a.py")
    project.write("two/lib/b.py")
    extra = f"{project.root / 'one'},{project.root / 'two'}"
    assert packed(project, extra_files=extra) == {"handler.py", "lib/a.py", "lib/b.py"}


def test_patterns_name_files_and_directories(project: Project) -> None:
    project.write("glob/a.txt")
    project.write("glob/b.txt")
    project.write("glob/dir.txt/inner")
    extra = str(project.root / "glob/*.txt")
    assert packed(project, extra_files=extra) == {"handler.py", "a.txt", "b.txt", "inner"}


def test_pattern_without_match_only_warns(
    project: Project, caplog: pytest.LogCaptureFixture
) -> None:
    assert packed(project, extra_files=str(project.root / "*.none")) == {"handler.py"}
    assert "Given wildcard pattern did not match any file" in caplog.text


def test_file_that_looks_like_a_pattern_is_a_file(project: Project) -> None:
    path = project.write("data[1].txt")
    assert packed(project, extra_files=str(path)) == {"handler.py", "data[1].txt"}


def test_later_file_of_the_same_name_wins_with_a_warning(
    project: Project, caplog: pytest.LogCaptureFixture
) -> None:
    other = project.write("other/handler.py", "later = True\n")
    assert packed(project, extra_files=str(other)) == {"handler.py"}
    assert read_back(project.out / "m.mar")["handler.py"] == "later = True\n"
    assert "both are called handler.py" in caplog.text


def test_same_file_named_twice_is_no_conflict(
    project: Project, caplog: pytest.LogCaptureFixture
) -> None:
    packed(project, extra_files=str(project.root / "handler.py"))
    assert "replaces" not in caplog.text


def test_file_and_directory_of_one_name_are_refused(project: Project) -> None:
    project.write("one/x", "file")
    project.write("two/x/y", "in a directory")
    for order in ("one,two", "two,one"):
        extra = ",".join(str(project.root / part) for part in order.split(","))
        with pytest.raises(ModelArchiverError, match="a file and a directory have the same name"):
            packed(project, extra_files=extra)


def test_links_are_followed_and_circles_refused(project: Project) -> None:
    project.write("linked/a.txt", "a")
    (project.root / "linked/b.txt").symlink_to("a.txt")
    assert packed(project, extra_files=str(project.root / "linked")) == {
        "handler.py",
        "a.txt",
        "b.txt",
    }
    with zipfile.ZipFile(project.out / "m.mar") as archive:
        assert archive.read("b.txt") == b"a"
    (project.root / "linked/circle").symlink_to(".")
    with pytest.raises(ValueError, match="Invalid extra file given"):
        packed(project, extra_files=str(project.root / "linked"))


def test_reserved_directory_of_an_unpacked_model_is_left_out(
    project: Project, caplog: pytest.LogCaptureFixture
) -> None:
    project.write("old/MAR-INF/MANIFEST.json", "{}")
    project.write("old/labels.json", "{}")
    assert packed(project, extra_files=str(project.root / "old")) == {"handler.py", "labels.json"}
    assert "MAR-INF is reserved" in caplog.text


@pytest.mark.parametrize(
    "field", ["serialized_file", "model_file", "handler", "requirements_file", "config_file"]
)
def test_missing_artifact_is_named(project: Project, field: str) -> None:
    missing = str(project.root / "missing.py")
    with pytest.raises(FileNotFoundError, match=r"File does not exist: .*missing\.py"):
        packed(project, **{field: missing})


def test_missing_extra_file_is_named(project: Project) -> None:
    with pytest.raises(FileNotFoundError, match=r"File does not exist: .*nothing$"):
        packed(project, extra_files=str(project.root / "nothing"))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a: [1\nb: 2", "is not valid YAML: line 2 column 2"),
        ("- batchSize", "is a list at its top level, expected a map"),
        ("a: !!python/object:os.system x", "is not valid YAML"),
        ("a: " + "[" * 5000, "more than 50 levels"),
        ("a: &a [1]\nb: [" + "*a, " * 31 + "]", "more than 30 aliases"),
        ("a: '" + "x" * (1 << 20) + "'", "expected at most 1048576"),
    ],
)
def test_broken_config_file_is_refused(project: Project, text: str, reason: str) -> None:
    path = project.write("broken.yaml", text)
    with pytest.raises(ModelArchiverError, match=reason):
        packed(project, config_file=str(path))


def test_misspelt_key_of_the_config_file_is_a_warning(
    project: Project, caplog: pytest.LogCaptureFixture
) -> None:
    text = "batch_size: 4\nMinWorker: 1\nresponsetimeout: 5\nhandler: {}\nmine: 2\n7: seven\n"
    path = project.write("typo.yaml", text)
    assert packed(project, config_file=str(path)) == {"handler.py", "typo.yaml"}
    pairs = [tuple(record.args or ())[1:] for record in caplog.records]
    assert pairs == [
        ("batch_size", "batchSize"),
        ("MinWorker", "minWorkers"),
        ("responsetimeout", "responseTimeout"),
    ]


def test_known_keys_are_those_of_the_server() -> None:
    document = Path(__file__).parents[2] / "docs" / "model-config.md"
    told = set(re.findall(r"^\| `(\w+)` \|.*\|.*\|.*\|$", document.read_text(), re.MULTILINE))
    sections = {"handler", "pt2", "micro_batching", "pippy", "deepspeed", "dali"}
    assert told | sections == KNOWN_KEYS


def test_empty_config_file_is_fine(project: Project) -> None:
    path = project.write("empty.yaml", "# nothing yet\n")
    assert packed(project, config_file=str(path)) == {"handler.py", "empty.yaml"}


def test_python_that_does_not_compile_only_warns(
    project: Project, caplog: pytest.LogCaptureFixture
) -> None:
    broken = project.write("broken.py", "def f(:\n")
    assert packed(project, handler=str(broken)) == {"broken.py"}
    assert "is not valid Python" in caplog.text


def test_odd_extra_file_is_refused(project: Project) -> None:
    (project.root / "odd").mkdir()
    (project.root / "odd/dangling").symlink_to(Path("nowhere"))
    with pytest.raises(ValueError, match="Invalid extra file given"):
        packed(project, extra_files=str(project.root / "odd"))
