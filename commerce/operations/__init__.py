"""What may be done to channels, customers and purchases."""
