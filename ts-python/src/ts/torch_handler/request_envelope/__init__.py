"""Envelopes: forms of requests and answers around the handler's own."""
