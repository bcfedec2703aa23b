"""What the tests need beside the project: private servers and their limits."""
