"""What loyalty puts into the doors of the apps below it."""
