"""The worker: loads the application, serves it, drains and ends."""
