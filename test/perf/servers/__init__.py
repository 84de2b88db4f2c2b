"""What runs inside a server under test: its own glue around `perf.work`, in its own environment."""
