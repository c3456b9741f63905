"""Rows of older tables become events: a module for each table says how, the others read, send and report."""
