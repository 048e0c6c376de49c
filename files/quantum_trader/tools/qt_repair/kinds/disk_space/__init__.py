"""Free space on a mount."""
