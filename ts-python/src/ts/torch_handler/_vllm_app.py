"""vLLM's OpenAI application, made of a model-config.yaml."""

from __future__ import annotations

import importlib
import inspect
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ts.utils._optional import import_optional

logger = logging.getLogger(__name__)

_PURPOSE = "A vLLM handler"

_OPENAI = "vllm.entrypoints.openai"
_LAUNCHERS = "vllm.entrypoints.launchers"
_PLACES = {
    "FlexibleArgumentParser": ("vllm.utils.argparse_utils", "vllm.utils"),
    "make_arg_parser": (f"{_LAUNCHERS}.cli_args", f"{_OPENAI}.cli_args"),
    "AsyncEngineArgs": ("vllm.engine.arg_utils",),
    "build_async_engine_client_from_engine_args": (
        f"{_LAUNCHERS}.api_server.entry",
        f"{_OPENAI}.api_server",
    ),
    "build_app": (f"{_LAUNCHERS}.app", f"{_OPENAI}.api_server"),
    "init_app_state": (f"{_LAUNCHERS}.api_server.app_state", f"{_OPENAI}.api_server"),
    "LoRAModulePath": (f"{_OPENAI}.models.protocol", f"{_OPENAI}.serving_models"),
}
"""Where vLLM has what is used of it: in newer versions first, from 0.11 to 0.32."""


def model_of(section: dict[str, Any], model_dir: Path) -> str:
    """Return the model of the section ``handler``: a path in the model's folder, or a hub id.

    Raises:
        RuntimeError: None is named.
    """
    name = section.get("model_path") or (section.get("vllm_engine_config") or {}).get("model")
    if not name:
        raise RuntimeError(
            "model-config.yaml names no model, expected handler.model_path or "
            "handler.vllm_engine_config.model"
        )
    path = model_dir / str(name)
    return str(path) if path.exists() else str(name)


def served_names(config: dict[str, Any], model_name: str) -> list[str]:
    """Return the names under which clients ask for the model, its registered one first.

    Names of adapters are the engine's own: they lead to other weights.
    """
    adapters = (config.get("handler") or {}).get("adapters") or {}
    names = [model_name, *_listed(config.get("servedModelName"))]
    return [name for name in dict.fromkeys(names) if name not in adapters]


def _listed(names: str | list[str] | None) -> list[str]:
    return [names] if isinstance(names, str) and names else list(names or [])


def restrict_code(section: dict[str, Any]) -> None:
    """Switch off what lets the engine run code that model-config.yaml does not ask for.

    To be called before vLLM is imported, which reads these variables.

    Args:
        section: ``allow_pickle: true`` lets the engine's processes exchange pickles, and
            ``plugins`` names the installed plug-ins that are loaded; by default none are.
    """
    allowed = section.get("allow_pickle") is True
    os.environ["VLLM_ALLOW_INSECURE_SERIALIZATION"] = "1" if allowed else "0"
    os.environ["VLLM_PLUGINS"] = ",".join(str(name) for name in section.get("plugins") or [])
    if _trusts_code(section):
        logger.warning(
            "trust_remote_code is on: Python code that comes with the weights runs in this worker"
        )


def _trusts_code(section: dict[str, Any]) -> bool:
    places = section, section.get("vllm_engine_config") or {}
    return any(place.get("trust_remote_code") is True for place in places)


def command_line(
    section: dict[str, Any], model_dir: Path, names: list[str], known: set[str]
) -> dict[str, Any]:
    """Return the settings of vLLM's server for the section ``handler``.

    Args:
        section: ``vllm_engine_config``, ``adapters``, ``chat_template`` and ``model_path``.
        model_dir: The model's folder, where relative paths are looked up.
        names: Under which clients ask for the model.
        known: Settings this vLLM has; others are left out, with a warning.
    """
    settings = dict(section.get("vllm_engine_config") or {})
    settings["model"] = model_of(section, model_dir)
    # The first one is what responses say.
    engines = _listed(settings.get("served_model_name"))
    settings["served_model_name"] = list(dict.fromkeys([*engines, *names]))
    settings["trust_remote_code"] = _trusts_code(section)
    if section.get("chat_template"):
        template = model_dir / str(section["chat_template"])
        settings["chat_template"] = str(
            template if template.is_file() else section["chat_template"]
        )
    if section.get("adapters"):
        settings["enable_lora"] = True
    unknown = sorted(settings.keys() - known - {"trust_remote_code"})
    if unknown:
        logger.warning("vLLM has no settings %s: they are ignored", ", ".join(unknown))
    return {key: value for key, value in settings.items() if key in known}


async def create_app(section: dict[str, Any], model_dir: Path, names: list[str]) -> Any:
    """Start the engine and return vLLM's ASGI application. The engine ends with the process.

    Raises:
        RuntimeError: vLLM is not installed, or no model is named.
    """
    model_of(section, model_dir)
    restrict_code(section)
    parser = _of_vllm("make_arg_parser")(_of_vllm("FlexibleArgumentParser")())
    args = parser.parse_args([])
    settings = command_line(section, model_dir, names, set(vars(args)))
    for key, value in settings.items():
        setattr(args, key, value)
    args.lora_modules = _adapters(section, model_dir) or None

    engine_args = _of_vllm("AsyncEngineArgs").from_cli_args(args)
    manager = _of_vllm("build_async_engine_client_from_engine_args")(engine_args)
    client = await manager.__aenter__()
    available: dict[str, Any] = {"args": args, "engine_client": client}
    if hasattr(client, "get_supported_tasks"):
        available["supported_tasks"] = await client.get_supported_tasks()
    for name in ("vllm_config", "model_config"):
        if hasattr(client, name):
            available[name] = getattr(client, name)
    app = _call(_of_vllm("build_app"), available)
    available["state"] = app.state
    await _call(_of_vllm("init_app_state"), available)
    app.state.engine_manager = manager  # kept alive: its end would be the engine's
    return app


def _call(function: Callable[..., Any], available: dict[str, Any]) -> Any:
    """Call `function` with those of the available arguments that it takes.

    These functions have gained and lost arguments from one version of vLLM to the next.
    """
    names = inspect.signature(function).parameters
    return function(**{name: available[name] for name in names if name in available})


def _of_vllm(name: str) -> Any:
    """Return what vLLM calls so. Its modules move from one version to the next.

    Raises:
        RuntimeError: vLLM is not installed, or has no such name where it is looked for.
    """
    vllm = import_optional("vllm", _PURPOSE)
    for place in _PLACES[name]:
        try:
            return getattr(importlib.import_module(place), name)
        except AttributeError:
            continue
        except ModuleNotFoundError as error:
            # One that the module needs is told: the installation is broken.
            if error.name is None or not f"{place}.".startswith(f"{error.name}."):
                raise
    version = getattr(vllm, "__version__", "of this environment")
    places = ", ".join(_PLACES[name])
    raise RuntimeError(f"vLLM {version} has no {name} in {places}; expected 0.11 to 0.32")


def _adapters(section: dict[str, Any], model_dir: Path) -> list[Any]:
    adapters = section.get("adapters") or {}
    if not adapters:
        return []
    path_class = _of_vllm("LoRAModulePath")
    paths = {name: model_dir / str(path) for name, path in adapters.items()}
    return [
        path_class(name=name, path=str(path if path.exists() else adapters[name]))
        for name, path in paths.items()
    ]
