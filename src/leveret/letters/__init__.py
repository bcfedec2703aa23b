"""Dead letters in their queue: how they are looked at, walked through, sent again and discarded."""
