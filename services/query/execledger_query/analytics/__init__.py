"""What executions come to over time: counts, rates, durations, tokens and cost, by whatever they are grouped by."""

from execledger_query.analytics.routes import analytics
from execledger_query.analytics.workflows import registry

__all__ = ["analytics", "registry"]
