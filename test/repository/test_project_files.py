"""What the repository's host reads: it says nothing of a file that it cannot use."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

REPOSITORY = Path(__file__).resolve().parents[2]
HOST = REPOSITORY / ".github"
FORMS = sorted(path for path in (HOST / "ISSUE_TEMPLATE").glob("*.yml") if path.stem != "config")


def read(path: Path) -> dict[str, object]:
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert isinstance(content, dict)
    return content


@pytest.mark.parametrize("path", FORMS, ids=lambda path: path.stem)
def test_form_of_an_issue_is_complete(path: Path) -> None:
    form = read(path)
    assert form["name"]
    assert form["description"]
    assert isinstance(form["body"], list)
    fields = [part for part in form["body"] if part["type"] != "markdown"]
    assert len({part["id"] for part in fields}) == len(fields)
    assert all(part["attributes"]["label"] for part in fields)
    assert any(part.get("validations", {}).get("required") for part in fields)


def test_updates_look_where_versions_are_pinned() -> None:
    updates = read(HOST / "dependabot.yml")["updates"]
    assert isinstance(updates, list)
    places = {
        (update["package-ecosystem"], folder)
        for update in updates
        for folder in update.get("directories", [update.get("directory")])
    }
    assert places == {
        ("maven", "/"),
        ("pip", "/"),
        ("pip", "/examples/embeddings"),
        ("pip", "/deploy/docker"),
        ("npm", "/frontend/console"),
        ("docker", "/deploy/docker"),
        ("github-actions", "/"),
    }
    for ecosystem, folder in places:
        if ecosystem == "pip":
            assert list((REPOSITORY / folder.strip("/")).glob("requirements*.txt"))


def test_workflow_runs_what_has_to_pass_here() -> None:
    jobs = read(HOST / "workflows" / "ci.yml")["jobs"]
    assert isinstance(jobs, dict)
    commands = [step.get("run") for job in jobs.values() for step in job["steps"]]
    assert ".ci/run" in commands
