"""Stands for vLLM 0.11 in tests: the calls that ts.torch_handler.vllm_handler makes, no model."""

__version__ = "0.11.0"
