"""Sends random requests, made from the OpenAPI document, to both forms of the gateway."""
