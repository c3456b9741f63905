"""Kafka, as every service uses it."""
