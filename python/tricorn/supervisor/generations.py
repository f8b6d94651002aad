"""Which load of configuration and code is wanted, and how far it has come: no process in it.

A generation begins with a reload, is *proven* when its first worker answers, and has *settled* when
all its workers do and no others stay. Until it is proven, it can be taken back.
"""

from __future__ import annotations

from tricorn.config import Config


class Generations:
    """The generations of one supervisor, numbered from 1, or from where another left off."""

    def __init__(self, config: Config, first: int = 1) -> None:
        self.current = first
        self.proven = 0
        """The newest generation of which a worker has answered; 0 before the first."""
        self.settled = 0
        """The newest generation whose workers were all there; 0 before the first."""
        self._newest = first
        self._configs = {first: config}

    @property
    def config(self) -> Config:
        """The configuration of the current generation."""
        return self._configs[self.current]

    @property
    def configs(self) -> list[Config]:
        """Those of all generations that may still have workers."""
        return list(self._configs.values())

    def config_of(self, generation: int) -> Config:
        """The configuration of one that still has workers."""
        return self._configs.get(generation, self.config)

    def only_read(self) -> None:
        """In a new worker: the certificates of all processes are not for it to change."""
        for config in self.configs:
            if config.tls_context is not None:
                config.tls_context.only_read()

    @property
    def following(self) -> int:
        """The number after the newest one."""
        return self._newest + 1

    def begin(self, config: Config) -> None:
        """A new generation is wanted."""
        self._newest = self.following
        self._configs[self._newest] = config
        self.current = self._newest

    def answered(self, generation: int) -> None:
        """A worker of a generation is ready."""
        if generation == self.current:
            self.proven = generation

    def take_back(self) -> None:
        """The current generation will not work: the proven one is wanted again."""
        assert self.proven
        self._configs.pop(self.current)
        self.current = self.proven

    def settle(self) -> None:
        """The current generation serves alone."""
        self.settled = self.current
        self._configs = {self.current: self.config}
