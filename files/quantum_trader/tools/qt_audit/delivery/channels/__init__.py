"""One module a channel: each turns a message into its own form and says what came back."""
