"""The pages of a gateway: what is here, Swagger UI, ReDoc, and a page for each code of a problem."""
