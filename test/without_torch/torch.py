"""Stands before torch where zygotes under test need none: its import takes seconds of CPU."""

raise ModuleNotFoundError("No module named 'torch'", name="torch")
