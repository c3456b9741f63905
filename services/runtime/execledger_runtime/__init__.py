"""What every service needs: Postgres, Kafka, settings, log lines, and the start and stop of a process."""
