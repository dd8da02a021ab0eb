"""What commerce puts into the doors of backstage."""
