"""Room on a mount."""
