"""The console: pages in a browser for whoever runs an application. It needs the extra ``console``."""
