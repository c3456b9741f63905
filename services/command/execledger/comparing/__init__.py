"""An older table beside its view: pure functions say what both come to, the rest reads them and reports."""
