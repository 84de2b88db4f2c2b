"""What stands in `MAR-INF/MANIFEST.json`."""
