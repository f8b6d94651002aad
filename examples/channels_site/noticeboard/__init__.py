"""A notice board in Django Channels."""
