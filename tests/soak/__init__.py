"""Long tests under load; `make soak` runs them."""
