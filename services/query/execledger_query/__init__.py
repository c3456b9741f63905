"""The query service: executions over HTTP, figures for Prometheus."""
