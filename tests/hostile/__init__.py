"""What a server process does when clients, applications and the machine misbehave."""
