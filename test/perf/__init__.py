"""The benchmark: TorchServe Next and its peers, the same work, one machine, one run.

``scripts/bench`` prepares the environments and runs this package. A *system* is a server under
test (`perf.systems`), a *workload* what it is asked for (`perf.workloads`), *work* what handlers do
(`perf.work`), the same code in every system.
"""
