"""Runs scripts that were written for Azure ML, as they are, on this machine."""
