"""Everything on one machine, with realistic traffic."""
