"""Faults planted on purpose: a promise that no test would miss is no promise."""
