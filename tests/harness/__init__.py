"""Pytest plugins that make the suite strict: what production forgives, a test does not."""
