"""Clients, applications and machines that misbehave, and what the server process makes of them."""
