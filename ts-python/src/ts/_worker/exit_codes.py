"""How worker processes end, see docs/worker-protocol.md."""

EXIT_CLOSED = 0
EXIT_CRASHED = 1
EXIT_LOAD_FAILED = 3
EXIT_PROTOCOL_ERROR = 4
EXIT_UNUSABLE = 5
