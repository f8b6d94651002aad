"""The books of the library."""
