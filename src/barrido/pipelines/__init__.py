"""Runs pipelines: writes them down, and starts their steps one after the other, as ordinary jobs.

A pipeline has a process of its own, which only looks at the stores of its steps and creates those whose
inputs are there. It may be killed at any moment: the next one finds out from the steps' jobs how far it came.
"""
