"""What a client and a worker owe each other, as test vectors and as a run against systems in any language.

The vectors are the files of ``protocol/``; ``docs/protocol.md`` says what they mean.
"""
