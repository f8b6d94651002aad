"""The command: reads the command line, runs or checks, and ends with an exit code."""
