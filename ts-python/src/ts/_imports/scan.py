"""Reads the import statements of a handler and of the modules that it imports from its folder."""

from __future__ import annotations

import ast
import contextlib
import hashlib
import sys
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path

from ts._imports.checkpoint import classes_of
from ts._loader.entry_point import DEFAULT_HANDLERS, ENVELOPES, split_handler
from ts._loader.manifest import read_manifest

_MAX_FILES = 200
_MAX_BYTES = 2 << 20
_MAX_IMPORTS = 1000
_PACKAGE = Path(__file__).parents[1]
_DECLARED = "TEMPLATE_IMPORTS"
"""A module-level tuple of texts in our own modules: what they import when a model is loaded."""
_IN_ZYGOTE = {"numpy", "torch", "torch.nn", "torch.nn.functional", "torch.utils.data", "yaml"}
"""What every fork has imported already."""
_EXCEPTIONS = {"ImportError", "ModuleNotFoundError", "Exception", "BaseException", "OSError"}


@dataclass(frozen=True, slots=True)
class Scan:
    """What was found.

    Attributes:
        imports: Of modules that belong neither to the model nor to Python, in order.
        named: Of classes that the model's files name; `imports` come before them.
        digest: Stands for the code that was read, and for the packages that are installed.
    """

    imports: tuple[str, ...]
    named: tuple[str, ...]
    digest: str


def scan_model(model_dir: Path, handler: str, envelope: str | None, path: Sequence[str]) -> Scan:
    """Read a model's import statements; what cannot be read imports nothing.

    Only statements that run when a module is imported count, not those in functions.

    Args:
        model_dir: The model's folder.
        handler: As a manifest names it: ``file.py``, ``folder/file.py:function``, ``module``.
        envelope: Name of a request envelope.
        path: The module search path of a worker, which has the folders of the model in it.

    Raises:
        ValueError: The handler names no module.
    """
    scanner = _Scanner(model_dir, path)
    scanner.add_file(_handler_file(model_dir, handler))
    name, _ = split_handler(handler)
    scanner.add_module(name)
    default = f"{DEFAULT_HANDLERS}.{name}"
    if not scanner.has(name) and scanner.add_module(default):
        scanner.imports[f"?{default}"] = None
    if envelope:
        scanner.add_module(f"{ENVELOPES}.{envelope.removesuffix('.py')}")
    scanner.add_file(_model_file(model_dir))
    scanner.run()
    imports = tuple(scanner.imports)[:_MAX_IMPORTS]
    if all(_top_of(text) == "ts" for text in imports):
        imports = ()  # they are quick, and not worth a process
    uses_transformers = any(_top_of(text) == "transformers" for text in imports)
    named = scanner.classes(model_dir) if uses_transformers else ()
    return Scan(imports, named, scanner.digest(path))


def _top_of(text: str) -> str:
    """Return the top-level module of an import such as ``?package.module:name``."""
    return text.lstrip("?").partition(":")[0].partition(".")[0]


def _handler_file(model_dir: Path, handler: str) -> Path:
    file = handler.partition(":")[0]
    return model_dir / (file if file.endswith(".py") else f"{file}.py")


def _model_file(model_dir: Path) -> Path | None:
    """Return the file with the model's class, which default handlers import by its name."""
    with contextlib.suppress(OSError, ValueError, TypeError, KeyError, RecursionError):
        manifest = read_manifest(str(model_dir))
        return model_dir / str((manifest or {})["model"]["modelFile"])
    return None


class _Scanner:
    """Follows imports through the model's own modules and ours; all others are results."""

    def __init__(self, model_dir: Path, path: Sequence[str]) -> None:
        self._own = (model_dir.resolve(), _PACKAGE)
        self._path = list(path)
        self._files: deque[Path] = deque()
        self._seen: set[Path] = set()
        self._bytes = 0
        self._hash = hashlib.sha256()
        self._tops: dict[str, ModuleSpec | None] = {}
        self.imports: dict[str, None] = {}

    def add_file(self, file: Path | None) -> None:
        """Read a file, if it is the model's or ours."""
        if file is None:
            return
        with contextlib.suppress(OSError, RuntimeError, ValueError):
            file = file.resolve()
            known = file in self._seen or len(self._seen) >= _MAX_FILES
            if not known and file.is_file() and any(file.is_relative_to(own) for own in self._own):
                self._seen.add(file)
                self._files.append(file)

    def add_module(self, name: str) -> bool:
        """Read the modules that a name stands for; return whether they are the model's or ours."""
        spec = self._top(name.partition(".")[0])
        if spec is None:
            return False
        origins = [*(spec.submodule_search_locations or ())]
        origins += [spec.origin] if spec.origin else []
        if not any(
            Path(origin).resolve().is_relative_to(own) for origin in origins for own in self._own
        ):
            return False
        self.add_file(Path(spec.origin) if spec.origin else None)
        parts = name.split(".")[1:]
        for folder in spec.submodule_search_locations or ():
            for part in parts:
                self.add_file(Path(folder) / f"{part}.py")
                folder = f"{folder}/{part}"
                self.add_file(Path(folder) / "__init__.py")
        return True

    def has(self, name: str) -> bool:
        """Return whether there is a module that is not one of the default handlers."""
        return self._top(name.partition(".")[0]) is not None

    def run(self) -> None:
        """Read all files."""
        while self._files and self._bytes < _MAX_BYTES:
            file = self._files.popleft()
            with contextlib.suppress(OSError, SyntaxError, ValueError, RecursionError, MemoryError):
                text = file.read_bytes()[:_MAX_BYTES]
                self._bytes += len(text)
                self._hash.update(f"{file.name}:{len(text)}:".encode() + text)
                for statement, optional in _statements(ast.parse(text).body):
                    self._take(statement, file, "?" if optional else "")

    def classes(self, model_dir: Path) -> tuple[str, ...]:
        """Read which classes of transformers the model's files name."""
        names = classes_of(model_dir)
        self._hash.update("\0".join(names).encode())
        return tuple(f"?transformers:{name}" for name in names)

    def digest(self, path: Sequence[str]) -> str:
        """Return what stands for the code and for the installed packages."""
        self._hash.update(sys.version.encode())
        for folder in path:
            with contextlib.suppress(OSError):
                names = sorted(
                    entry.name
                    for entry in Path(folder).iterdir()
                    if entry.name.endswith((".dist-info", ".egg-info", ".egg-link", ".pth"))
                )
                self._hash.update("\0".join(names).encode("utf-8", "surrogateescape"))
        return self._hash.hexdigest()

    def _take(self, statement: ast.stmt, file: Path, mark: str) -> None:
        if isinstance(statement, ast.Import):
            for alias in statement.names:
                self._found(file, alias.name, (), mark)
        elif isinstance(statement, ast.ImportFrom):
            names = [alias.name for alias in statement.names]
            if statement.level > len(file.parents):
                return  # an error when it runs
            if statement.level:
                folder = file.parents[statement.level - 1]
                module = (statement.module or "").replace(".", "/")
                self.add_file(folder / f"{module}.py")
                for name in ("", *names):
                    self.add_file(folder / module / name / "__init__.py")
                    self.add_file(folder / module / f"{name}.py")
            elif statement.module:
                self._found(file, statement.module, names, mark)
        elif isinstance(statement, ast.Assign) and file.is_relative_to(_PACKAGE):
            for target in statement.targets:
                if isinstance(target, ast.Name) and target.id == _DECLARED:
                    for name in ast.literal_eval(statement.value):
                        self._found(file, str(name), (), "?")

    def _found(self, file: Path, module: str, names: Sequence[str], mark: str) -> None:
        top = module.partition(".")[0]
        if top in sys.stdlib_module_names or module in _IN_ZYGOTE or self._top(top) is None:
            return
        if self.add_module(module):
            for name in names:
                self.add_module(f"{module}.{name}")
            if top != "ts" or file.is_relative_to(_PACKAGE):
                return
        wanted = [f"{module}:{name}" for name in names if name != "*"]
        self.imports |= dict.fromkeys(mark + name for name in wanted or [module])

    def _top(self, name: str) -> ModuleSpec | None:
        """Find a top-level module without importing it."""
        if name not in self._tops:
            self._tops[name] = None
            with contextlib.suppress(ImportError, ValueError, OSError, AttributeError):
                if name == "ts":
                    spec = ModuleSpec("ts", None, origin=str(_PACKAGE / "__init__.py"))
                    spec.submodule_search_locations = [str(_PACKAGE)]
                    self._tops[name] = spec
                else:
                    self._tops[name] = PathFinder.find_spec(name, self._path)
        return self._tops[name]


def _statements(
    body: Sequence[ast.stmt], *, optional: bool = False
) -> Iterator[tuple[ast.stmt, bool]]:
    """Yield the statements that run when a module is imported, and whether they may fail."""
    for statement in body:
        yield statement, optional
        if isinstance(statement, ast.Try):
            guarded = optional or any(map(_catches_imports, statement.handlers))
            yield from _statements(statement.body, optional=guarded)
            yield from _statements(statement.orelse, optional=guarded)
            yield from _statements(statement.finalbody, optional=optional)
        elif isinstance(statement, ast.If):
            # Which of both runs is not known: "if TYPE_CHECKING" and the like are not followed.
            if not _is_special(statement.test):
                yield from _statements(statement.body, optional=True)
                yield from _statements(statement.orelse, optional=True)
        elif isinstance(statement, ast.With | ast.ClassDef):
            yield from _statements(statement.body, optional=optional)


def _catches_imports(handler: ast.ExceptHandler) -> bool:
    if handler.type is None:
        return True
    return any(
        isinstance(node, ast.Name) and node.id in _EXCEPTIONS for node in ast.walk(handler.type)
    )


def _is_special(test: ast.expr) -> bool:
    return any(
        getattr(node, "id", getattr(node, "attr", None)) in ("TYPE_CHECKING", "__name__")
        for node in ast.walk(test)
    )
