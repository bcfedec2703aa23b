"""The demonstration: real workers on a real broker; each step is shown with its log lines and checked."""
