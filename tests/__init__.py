"""The test suites; run from the root of the repository with ``pytest``."""
