"""Clients that others wrote, each through one table: what they get is what people get."""
