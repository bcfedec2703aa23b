"""What goes on beside the requests: watchdogs and the clean-up."""
