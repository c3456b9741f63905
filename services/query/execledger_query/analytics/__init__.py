"""What executions come to over time: counts, rates, durations, tokens and cost, by whatever they are grouped by."""

from execledger_query.analytics.routes import analytics

__all__ = ["analytics"]
