"""The example applications and Datasette, each served by a real process to a real client."""
