"""Adapters: the events of other systems as CloudEvents of the contract, each a pure function in its own module."""
