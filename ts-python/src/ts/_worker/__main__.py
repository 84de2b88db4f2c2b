"""Start file of a worker that was not forked. Its specification is read from standard input.

Standard input is a file rather than a pipe, read without moving its position: with a launcher such
as torchrun several processes share it.
"""

from __future__ import annotations

import os
import sys


def _use_own_package() -> None:
    """Make `ts` the package this file is in, and let neither this folder nor the cwd shadow it."""
    here = os.path.dirname(os.path.realpath(__file__))
    sys.path[:] = [p for p in sys.path if p and os.path.realpath(p) != here]
    package = os.path.dirname(here)
    root = os.path.dirname(package)
    if root not in sys.path:
        sys.path.append(root)

    from importlib.util import module_from_spec, spec_from_file_location

    spec = spec_from_file_location(
        "ts", os.path.join(package, "__init__.py"), submodule_search_locations=[package]
    )
    if spec is None or spec.loader is None:
        raise ImportError(f"{package} is not a Python package")
    module = module_from_spec(spec)
    sys.modules["ts"] = module
    spec.loader.exec_module(module)


if __name__ == "__main__":
    _use_own_package()

    from ts._zygote.child import run_spawned

    run_spawned()
