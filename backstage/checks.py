"""System checks: what is wrong in the settings or the database, and the way out."""
