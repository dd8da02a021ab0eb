"""The writer of what gift cards hold. Operations decide what is to be written; nobody else writes it."""
