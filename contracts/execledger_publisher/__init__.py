"""The SDK with which an orchestrator publishes its executions."""
