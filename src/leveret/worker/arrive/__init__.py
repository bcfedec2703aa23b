"""From a delivery to a request that is checked."""
