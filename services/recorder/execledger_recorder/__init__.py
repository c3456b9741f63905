"""The recorder: lifecycle events on Kafka become executions in Postgres."""
