"""Preprocessing outside of handlers."""
