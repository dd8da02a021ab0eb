"""What backstage puts into its own doors."""
