"""Gaussian-process regression over search spaces, and the search for the point most worth trying."""
