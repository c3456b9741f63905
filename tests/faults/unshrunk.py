"""How Hypothesis looks for a planted fault: the same way each time, content with the first example that shows it."""

from hypothesis import Phase, settings

settings.register_profile("faults", derandomize=True, phases=[Phase.explicit, Phase.generate])
settings.load_profile("faults")
