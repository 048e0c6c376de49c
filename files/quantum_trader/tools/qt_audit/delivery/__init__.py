"""Deliver what people must know: an outbox that loses nothing, and one module a channel."""
