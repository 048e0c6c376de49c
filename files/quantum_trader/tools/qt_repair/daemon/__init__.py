"""What keeps the realtime monitor going: its loop, its children, what it remembers and what it records."""
