"""The `execledger` command."""
