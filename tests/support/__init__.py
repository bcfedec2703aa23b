"""Code that several tests share: workers, callers, peers, hostile messages, and what they leave behind."""
