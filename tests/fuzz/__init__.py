"""Decoding under inputs that nobody thought of."""
