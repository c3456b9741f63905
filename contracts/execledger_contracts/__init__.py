"""The message schema that orchestrators publish and Execledger records."""
