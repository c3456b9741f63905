"""The tables that can be imported, a module each: their columns, and the events that a row becomes."""
