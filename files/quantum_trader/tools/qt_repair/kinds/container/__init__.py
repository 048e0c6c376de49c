"""A Docker container."""
