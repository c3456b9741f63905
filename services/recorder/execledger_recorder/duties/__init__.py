"""What runs beside the recording: the watchdog, the relay of the outbox, daily limits, rebuild, reprice, audits."""
