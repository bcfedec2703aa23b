"""What the doors over HTTP share: the server, and how it ends."""
