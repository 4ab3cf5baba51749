"""Scores, never decisions: prompt and image classifiers."""
