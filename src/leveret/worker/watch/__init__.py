"""What runs beside the requests: watchdogs and the clean-up."""
