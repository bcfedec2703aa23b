"""Changing the data of a dead letter: what is changed, and the letter that takes the place of the former one."""
