"""What the registry says to people and programs: JSON Schema, OpenAPI and AsyncAPI, and what breaks whom."""
