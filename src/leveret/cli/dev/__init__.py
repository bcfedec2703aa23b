"""The command ``dev``: a private broker, a worker that reloads when a file changes, and each request as one line."""
