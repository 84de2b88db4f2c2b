"""LoRA adapters."""

from types import SimpleNamespace


class LoRAModulePath(SimpleNamespace):
    """Name and path of an adapter."""
