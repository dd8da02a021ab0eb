"""Levels: who has which, what was counted, and how they are said."""
