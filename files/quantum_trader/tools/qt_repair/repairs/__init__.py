"""One module a kind: make it healthy, and name the rights that this takes."""
