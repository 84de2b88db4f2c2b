"""Default handlers, and base classes for others."""
