"""The query service on many executions, beside what a team would write by hand."""
