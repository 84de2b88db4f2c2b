"""Threads of torch that wait do not spin, unless the user wants it."""

from __future__ import annotations

import pytest
from ts._zygote.openmp import let_idle_threads_sleep


def test_idle_threads_sleep_by_default() -> None:
    environ = {"PATH": "/bin"}
    let_idle_threads_sleep(environ)
    assert environ == {"PATH": "/bin", "OMP_WAIT_POLICY": "PASSIVE"}


@pytest.mark.parametrize("name", ["OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME"])
def test_the_choice_of_the_user_stays(name: str) -> None:
    environ = {name: "7"}
    let_idle_threads_sleep(environ)
    assert environ == {name: "7"}
