"""One module a kind: is it healthy? A probe never changes anything."""
