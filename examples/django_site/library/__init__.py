"""The site: settings, addresses and the two entry points."""
