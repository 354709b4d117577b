"""What a sweep is and how it decides: plain data and pure functions."""
