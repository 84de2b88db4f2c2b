"""Base classes of the time before TorchServe, kept for imports."""
