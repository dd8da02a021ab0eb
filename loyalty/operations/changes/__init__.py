"""Changes of what a programme promises: now where nobody loses by them, else announced with their day."""
