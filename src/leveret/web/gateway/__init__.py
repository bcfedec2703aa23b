"""The gateway: an application's routes over HTTP. It needs the extra ``leveret[gateway]``."""
