"""Load, and every part killed, paused and cut off again and again; afterwards nothing may be lost, doubled or wrong."""
