"""Samplers: which point of the search space is tried next. One module each, loaded when it is used."""
