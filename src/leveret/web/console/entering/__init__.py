"""How people come in: what stands in front of all pages, and how a person proves who it is."""
