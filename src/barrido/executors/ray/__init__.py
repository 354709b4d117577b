"""Trials on a Ray cluster: Ray places agents and says whether they live; all else stays barrido's."""
