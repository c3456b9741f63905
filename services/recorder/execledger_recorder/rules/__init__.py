"""What is decided, by values alone: no module here reads, writes, waits or asks the time."""
