"""Changes of what a programme promises: which take something away, and how long before they are told."""
