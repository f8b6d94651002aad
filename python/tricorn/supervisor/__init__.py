"""The supervisor: keeps worker processes alive, replaces them, and loses no request in doing so."""
"""The supervisor: starts workers, watches them and replaces them; it never runs the application."""
