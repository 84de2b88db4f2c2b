"""One worker as several processes, the ranks of a group that torchrun has started.

Rank 0, the leader, speaks to the frontend as any worker does. The others, its followers, speak to
the leader alone: it hands them LOAD, and each call of the handler as it makes it itself.
"""
