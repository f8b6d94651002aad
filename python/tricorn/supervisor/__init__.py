"""The supervisor: keeps worker processes alive, replaces them, and loses no request in doing so."""
