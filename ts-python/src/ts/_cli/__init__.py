"""The `torchserve` command: options, the Java launch, and what is known of running servers.

Private: users call the console script, `ts.model_server.start` or `ts.launcher`.
"""
