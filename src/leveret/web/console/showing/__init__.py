"""How values are shown in pages: templates, times, numbers and charts."""
