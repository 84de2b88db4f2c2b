"""Brings a package of a name that the server itself has imported."""

import yaml


def handle(data, context):
    """Tells which package it got."""
    return [yaml.WHOSE] * len(data or ())
