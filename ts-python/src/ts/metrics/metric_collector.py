"""The command that prints system metrics: ``python ts/metrics/metric_collector.py --gpu N``.

Reads process ids, joined by commas, from one line of standard input. Prints metrics, an empty line,
and the memory of these processes.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

if __name__ == "__main__":
    # Python has put this file's folder first, where no modules are expected. The one above ts,
    # from which the collector is run, need not be on the path.
    sys.path[0] = str(Path(__file__).resolve().parents[2])

from ts.metrics import system_metrics
from ts.metrics.process_memory_metric import check_process_mem_usage


def main(arguments: list[str] | None = None) -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description="Print metrics of the host and of processes.")
    parser.add_argument("--gpu", type=int, default=0, help="number of GPUs in use")
    gpus: int = parser.parse_args(arguments).gpu
    system_metrics.collect_all(system_metrics, gpus)
    print()
    check_process_mem_usage(sys.stdin)


if __name__ == "__main__":
    main()
