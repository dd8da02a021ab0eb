"""Levels: what counts towards them, how long they last, and what becomes of one on its day."""
