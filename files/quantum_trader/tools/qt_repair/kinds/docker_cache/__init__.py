"""Docker's build cache and dangling images."""
