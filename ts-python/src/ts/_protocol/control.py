"""Bodies of the cold messages: small JSON objects."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from ts._imports.history import are_imports
from ts._protocol.errors import ProtocolError
from ts._protocol.frames import Buffer
from ts._protocol.texts import without_addresses


def encode_json(fields: Mapping[str, Any]) -> bytes:
    """Encode an object; members that are None are left out."""
    kept = {name: value for name, value in fields.items() if value is not None}
    return json.dumps(kept, separators=(",", ":")).encode("utf-8")


def decode_json(body: Buffer) -> dict[str, Any]:
    """Decode an object. Raises `ProtocolError` if the bytes are anything else."""
    try:
        fields = json.loads(bytes(body))
    except ValueError as error:
        raise ProtocolError(f"expected a JSON object: {error}") from error
    except RecursionError as error:
        raise ProtocolError("expected a JSON object: nested too deeply") from error
    if not isinstance(fields, dict):
        raise ProtocolError(f"expected a JSON object, got {type(fields).__name__}")
    return fields


def _take(fields: Mapping[str, Any], name: str, kind: type, default: Any = ...) -> Any:
    value = fields.get(name)
    if value is None:
        if default is ...:
            raise ProtocolError(f"field {name!r} is missing")
        return default
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise ProtocolError(f"field {name!r} is {value!r}, expected {kind.__name__}")
    return value


@dataclass(frozen=True, slots=True)
class Hello:
    """First message of a connection. On the wire, `spawn_id` is ``launch``.

    Attributes:
        control: Whether it is the second connection of a worker, see `ts._worker.withdrawals`.
    """

    spawn_id: int
    secret: str
    pid: int
    python: str
    protocol: int
    torch: str | None = None
    control: bool | None = None

    @classmethod
    def decode(cls, body: Buffer) -> Hello:
        """Decode and check the JSON bytes; unknown fields are ignored."""
        fields = decode_json(body)
        return cls(
            spawn_id=_take(fields, "launch", int),
            secret=_take(fields, "secret", str),
            pid=_take(fields, "pid", int),
            python=_take(fields, "python", str),
            protocol=_take(fields, "protocol", int),
            torch=_take(fields, "torch", str, None),
            control=_take(fields, "control", bool, None),
        )

    def encode(self) -> bytes:
        """Return the JSON bytes."""
        fields = asdict(self)
        fields["launch"] = fields.pop("spawn_id")
        return encode_json(fields)


@dataclass(frozen=True, slots=True)
class Load:
    """The LOAD message: what the worker is to load."""

    model_name: str
    model_version: str
    model_dir: str
    handler: str
    batch_size: int
    limit_max_image_pixels: bool
    decode_input_request: bool
    max_request_size: int
    max_response_size: int
    is_async: bool
    gpu_id: int | None = None
    envelope: str | None = None
    metrics_config: str | None = None
    parallel_type: str | None = None
    control: bool = False

    @classmethod
    def decode(cls, body: Buffer) -> Load:
        """Decode and check the JSON bytes; unknown fields are ignored."""
        return cls.from_json(decode_json(body))

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Load:
        """Check the fields."""
        return cls(
            model_name=_take(fields, "model_name", str),
            model_version=_take(fields, "model_version", str),
            model_dir=_take(fields, "model_dir", str),
            handler=_take(fields, "handler", str),
            batch_size=_take(fields, "batch_size", int),
            limit_max_image_pixels=_take(fields, "limit_max_image_pixels", bool),
            decode_input_request=_take(fields, "decode_input_request", bool),
            max_request_size=_take(fields, "max_request_size", int),
            max_response_size=_take(fields, "max_response_size", int),
            is_async=_take(fields, "async", bool),
            gpu_id=_take(fields, "gpu_id", int, None),
            envelope=_take(fields, "envelope", str, None),
            metrics_config=_take(fields, "metrics_config", str, None),
            parallel_type=_take(fields, "parallel_type", str, None),
            control=_take(fields, "control", bool, False),
        )


@dataclass(frozen=True, slots=True)
class Loaded:
    """The model is ready.

    Attributes:
        rank_pids: Process ids by rank, of a worker that has several processes.
    """

    message: str
    load_ms: int
    memory_bytes: int | None = None
    imported: list[str] | None = None
    rank_pids: list[int] | None = None
    openai_routes: list[str] | None = None

    def encode(self) -> bytes:
        """Return the JSON bytes."""
        return encode_json({key: value for key, value in asdict(self).items() if value is not None})


@dataclass(frozen=True, slots=True)
class Failed:
    """The model could not be loaded; the worker ends."""

    code: int
    message: str
    detail: str
    traceback: str

    def encode(self) -> bytes:
        """Return the JSON bytes. No text has an address of memory."""
        return encode_json(
            {
                "code": self.code,
                "message": without_addresses(self.message),
                "detail": without_addresses(self.detail),
                "traceback": without_addresses(self.traceback),
            }
        )


@dataclass(frozen=True, slots=True)
class Unusable:
    """The worker can serve no more; it begins none of its open batches, and ends."""

    reason: str

    def encode(self) -> bytes:
        """Return the JSON bytes."""
        return encode_json(asdict(self))


@dataclass(frozen=True, slots=True)
class TemplateImports:
    """From which template process a worker may be forked: one that has imported the same.

    Attributes:
        version: Number of the model version, until the frontend releases it.
        handler: As in `Load`.
        envelope: As in `Load`.
        names: What the process imports; None if it is to be found out.
        history: Folder in which what was found out is kept from one start to the next.
    """

    version: int
    handler: str
    envelope: str | None = None
    names: tuple[str, ...] | None = None
    history: str | None = None

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> TemplateImports:
        """Check the fields."""
        names = imports_of(fields) if fields.get("names") is not None else None
        return cls(
            version=_take(fields, "version", int),
            handler=_take(fields, "handler", str),
            envelope=_take(fields, "envelope", str, None),
            names=names,
            history=_take(fields, "history", str, None),
        )


def imports_of(fields: Mapping[str, Any]) -> tuple[str, ...]:
    """Check and return the field ``names``, imports of the form `ts._imports` describes."""
    names = _texts(fields, "names")
    if not are_imports(names):
        raise ProtocolError(f"field 'names' is {names!r:.200}, expected names of modules")
    return tuple(names)


@dataclass(frozen=True, slots=True)
class Spawn:
    """How to start one worker process.

    Attributes:
        template: Number of the template process, which loads the model and of which the worker is
            a fork; None for a worker that loads the model itself. On the wire: ``parent``.
        load: What that process loads: the fields of `Load`. Comes with `template` only.
        imports: From which template process it may be forked; None for the zygote. Never on the
            way to a process that forks.
        template_imports: Makes the fork a template process that imports these. Only on the way to
            the zygote.
    """

    worker: str
    start: str
    python: str
    cwd: str
    address: str
    secret: str
    prefix: list[str] = field(default_factory=list)
    env: dict[str, str] = field(default_factory=dict)
    path: list[str] = field(default_factory=list)
    threads: int | None = None
    template: int | None = None
    load: dict[str, Any] | None = None
    imports: TemplateImports | None = None
    template_imports: tuple[str, ...] | None = None

    @classmethod
    def decode(cls, body: Buffer) -> Spawn:
        """Decode and check the JSON bytes; unknown fields are ignored."""
        return cls.from_json(decode_json(body))

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Spawn:
        """Check the fields."""
        start = _take(fields, "start", str)
        if start not in ("fork", "spawn"):
            raise ProtocolError(f"field 'start' is {start!r}, expected 'fork' or 'spawn'")
        prefix = _texts(fields, "prefix")
        if prefix and start == "fork":
            raise ProtocolError("field 'prefix' needs 'start' to be 'spawn'")
        env = _take(fields, "env", dict, {})
        for name, value in env.items():
            if not isinstance(value, str) or not name or "=" in name or "\0" in name + value:
                raise ProtocolError(f"field 'env' has a bad variable: {name!r}")
        template = _take(fields, "parent", int, None)
        load = _take(fields, "load", dict, None)
        if (template is None) != (load is None) or (prefix and load is not None):
            raise ProtocolError("fields 'parent' and 'load' need each other, and no 'prefix'")
        if load is not None:
            Load.from_json(load)
        imports = _take(fields, "imports", dict, None)
        template_imports = _take(fields, "template_imports", list, None)
        return cls(
            worker=_take(fields, "worker", str),
            start=start,
            python=_take(fields, "python", str),
            cwd=_take(fields, "cwd", str),
            address=_take(fields, "address", str),
            secret=_take(fields, "secret", str),
            prefix=prefix,
            env=env,
            path=_texts(fields, "path"),
            threads=_take(fields, "threads", int, None),
            template=template,
            load=load,
            imports=None if imports is None else TemplateImports.from_json(imports),
            template_imports=None if template_imports is None else tuple(template_imports),
        )

    def to_json(self) -> dict[str, Any]:
        """Return the fields for a process that forks, under their names on the wire."""
        fields = asdict(self)
        fields["parent"] = fields.pop("template")
        del fields["imports"]
        return fields


def _texts(fields: Mapping[str, Any], name: str) -> list[str]:
    values: list[str] = _take(fields, name, list, [])
    if not all(isinstance(value, str) for value in values):
        raise ProtocolError(f"field {name!r} is {values!r}, expected a list of strings")
    return values
