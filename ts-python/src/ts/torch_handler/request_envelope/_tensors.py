"""Tensors of the open inference protocol (KServe version 2) in JSON."""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ts.utils.util import PredictionException

_NUMPY_OF = {
    "BOOL": np.bool_,
    "UINT8": np.uint8,
    "UINT16": np.uint16,
    "UINT32": np.uint32,
    "UINT64": np.uint64,
    "INT8": np.int8,
    "INT16": np.int16,
    "INT32": np.int32,
    "INT64": np.int64,
    "FP16": np.float16,
    "FP32": np.float32,
    "FP64": np.float64,
    "BF16": np.float32,  # NumPy has no bfloat16; every value of it is a float32
}
_DATATYPE_OF = {np.dtype(dtype): name for name, dtype in _NUMPY_OF.items() if name != "BF16"}
_FLOATS = ("FP16", "BF16", "FP32", "FP64")
_MAX_DIMENSIONS = 64  # of a NumPy array


def decode_input(tensor: Any, where: str) -> dict[str, Any]:
    """Return an input object with its ``data`` as an array of the given datatype and shape.

    Data of type ``BYTES`` become the only item if there is one, else the list of items. An item
    ``{"b64": "..."}`` is bytes that are no text; a transport that takes binary data writes it.

    Args:
        tensor: The input object of the request.
        where: The subject of error messages.

    Raises:
        PredictionException: 400, the object is not a tensor of this protocol.
    """
    if not isinstance(tensor, Mapping):
        raise PredictionException(f"{where} is not a JSON object", 400)
    name, shape = tensor.get("name"), tensor.get("shape")
    datatype, data = tensor.get("datatype"), tensor.get("data")
    if not isinstance(name, str):
        raise PredictionException(f'{where}: "name" is {name!r}, expected text', 400)
    where = f"{where} ({name})"
    if not isinstance(shape, list) or not _is_shape(shape):
        raise PredictionException(
            f'{where}: "shape" is {shape!r}, expected a list of non-negative integers', 400
        )
    if not isinstance(data, list):
        raise PredictionException(f'{where}: "data" is missing or not a list', 400)
    count = math.prod(shape)
    if datatype == "BYTES":
        if len(data) != count:
            raise PredictionException(
                f"{where}: shape {shape} has {count} elements, data has {len(data)}", 400
            )
        items = [_to_item(item, where) for item in data]
        return {**tensor, "data": items[0] if count == 1 else items}
    if datatype not in _NUMPY_OF:
        known = ", ".join([*_NUMPY_OF, "BYTES"])
        raise PredictionException(
            f'{where}: "datatype" is {datatype!r}, expected one of {known}', 400
        )
    return {**tensor, "data": _to_array(data, datatype, shape, count, where)}


def encode_output(value: Any, name: str, wanted: str | None) -> dict[str, Any]:
    """Return the output object of a result.

    Tensors and arrays keep their datatype; bare numbers, which have none, take `wanted` if it is
    of their kind.

    Args:
        value: A tensor, an array, a number, a text, bytes, or nested lists of these.
        name: Name of the output.
        wanted: Datatype of the corresponding input, if there is one.
    """
    datatype = None
    if hasattr(value, "detach"):  # a torch tensor
        value = value.detach().cpu()
        if str(value.dtype) == "torch.bfloat16":
            datatype, value = "BF16", value.float()
        value = value.numpy()
    bare = not isinstance(value, (np.ndarray, np.generic))
    if bare and _has_bytes(value):
        # An array of bytes, rather than of objects, would lose zeros at their ends.
        value = np.array(_immutable(value), dtype=object)
    array: npt.NDArray[Any] = np.asarray(value)
    if datatype is None:
        datatype = _DATATYPE_OF.get(array.dtype, "BYTES")
    if bare and wanted is not None and _same_kind(array, datatype, wanted):
        datatype = wanted
    flat = array.ravel().tolist()
    if datatype == "BYTES":
        flat = [_of_bytes(item) if isinstance(item, bytes) else item for item in flat]
    return {"name": name, "datatype": datatype, "data": flat, "shape": list(array.shape) or [1]}


def _to_item(item: Any, where: str) -> Any:
    """Return the bytes of an object that stands for them, and anything else as it is."""
    if not (isinstance(item, Mapping) and item.keys() == {"b64"}):
        return item
    try:
        return base64.b64decode(item["b64"], validate=True)
    except (TypeError, ValueError, binascii.Error) as e:
        raise PredictionException(f'{where}: "b64" is not text in base64: {e}', 400) from e


def _of_bytes(item: bytes) -> str | dict[str, str]:
    """Return the text that bytes are, or an object that stands for them if they are none."""
    try:
        return item.decode()
    except UnicodeDecodeError:
        return {"b64": base64.b64encode(item).decode()}


def _has_bytes(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return any(_has_bytes(item) for item in value)
    return isinstance(value, (bytes, bytearray))


def _immutable(value: Any) -> Any:
    """Return nested lists with bytes for byte arrays, which NumPy takes for lists of numbers."""
    if isinstance(value, (list, tuple)):
        return [_immutable(item) for item in value]
    return bytes(value) if isinstance(value, bytearray) else value


def _is_shape(shape: list[Any]) -> bool:
    return len(shape) <= _MAX_DIMENSIONS and all(
        isinstance(n, int) and not isinstance(n, bool) and n >= 0 for n in shape
    )


def _to_array(
    data: list[Any], datatype: str, shape: list[int], count: int, where: str
) -> npt.NDArray[Any]:
    try:
        plain = np.array(data)
        kinds = "biuf" if datatype in _FLOATS else "biu"
        if plain.size and plain.dtype.kind not in kinds and not _all_integers(data):
            raise ValueError(f"the values are of type {plain.dtype}")
        # Numbers that do not fit the datatype are refused, not wrapped around.
        array: npt.NDArray[Any] = np.array(data, dtype=_NUMPY_OF[datatype])
    except (ValueError, TypeError, OverflowError) as e:
        raise PredictionException(f"{where}: data do not fit {datatype}: {e}", 400) from e
    if array.size != count:
        raise PredictionException(
            f"{where}: shape {shape} has {count} elements, data has {array.size}", 400
        )
    return array.reshape(shape)


def _all_integers(data: list[Any]) -> bool:
    """Tell it slowly, for integers so large that NumPy takes them for floats or objects."""
    return all(isinstance(value, int) for value in np.array(data, dtype=object).ravel())


def _same_kind(array: npt.NDArray[Any], datatype: str, wanted: str) -> bool:
    if datatype in _FLOATS:
        return wanted in _FLOATS
    if array.dtype.kind in "iu" and wanted in _NUMPY_OF and "INT" in wanted and array.size:
        limits = np.iinfo(_NUMPY_OF[wanted])
        return bool(limits.min <= array.min() and array.max() <= limits.max)
    return False
