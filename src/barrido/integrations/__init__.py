"""Barrido's search and schedulers inside other people's runners."""
