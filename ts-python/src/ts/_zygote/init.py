"""Start file of ``init`` and, with ``--zygote``, of the zygote. Uses the standard library only."""

from __future__ import annotations

import os
import sys


def _use_own_package() -> None:
    """Make `ts` the package this file is in, and let neither this folder nor the cwd shadow it."""
    here = os.path.dirname(os.path.realpath(__file__))
    unwanted = {here}
    if "" in os.environ.get("PYTHONPATH", "x").split(os.pathsep):
        unwanted.add(os.getcwd())
    sys.path[:] = [p for p in sys.path if p and os.path.realpath(p) not in unwanted]
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


def _main(arguments: list[str]) -> int:
    _use_own_package()
    if arguments[:1] == ["--zygote"]:
        from ts._zygote import zygote

        return zygote.main(int(arguments[1]), int(arguments[2]))
    from ts._zygote import supervisor

    return supervisor.main()


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))
