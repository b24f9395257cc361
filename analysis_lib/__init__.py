"""Evaluate Danish employment trials from a DREAM-shaped register."""
