"""Sphinx: how the documentation site is made of what stage.py lays out."""

from __future__ import annotations

from pathlib import Path

project = "TorchServe Next"
author = "TorchServe Next contributors"
copyright = "TorchServe Next contributors, Apache License 2.0"
release = version = (Path(__file__).parents[2] / "VERSION").read_text(encoding="utf-8").strip()

extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
myst_heading_anchors = 4
# The pages have code of several kinds, shortened JSON too: what cannot be coloured stays as it is.
highlight_language = "text"
suppress_warnings = ["misc.highlighting_failure"]
nitpicky = True

html_theme = "furo"
html_title = f"{project} {release}"
html_baseurl = ""
html_copy_source = False
html_show_sourcelink = False
html_last_updated_fmt = None
