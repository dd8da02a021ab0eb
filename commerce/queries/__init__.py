"""Questions about customers and purchases."""
