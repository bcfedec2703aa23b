"""Dead letters: their form, and how they are looked at, walked through and sent again."""
