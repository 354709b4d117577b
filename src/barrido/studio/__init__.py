"""The studio: sweeps in the browser."""
