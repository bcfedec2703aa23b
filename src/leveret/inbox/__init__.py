"""Each request once: what is known is answered from its row, what is new runs, in one transaction for many."""
