"""The way in from Kafka."""
