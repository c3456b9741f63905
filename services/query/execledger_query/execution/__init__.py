"""One execution: its record, its parts, how it went and why."""
