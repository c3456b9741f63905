"""The subcommands, a module each. What is heavy is imported inside them: `--help` stays fast."""
