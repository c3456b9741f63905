"""What is followed live: one reader of the feed, and the streams that it serves."""
