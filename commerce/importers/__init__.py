"""Read what a shop exported and hand it to the operations, batch by batch."""
