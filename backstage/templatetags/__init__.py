"""Template tags of backstage."""
