"""Bad neighbours: what one producer, one record and one client can cost, tried on running services."""
