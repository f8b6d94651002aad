"""The contract: what a client may rely on, told in raw bytes and checked on every interface."""
