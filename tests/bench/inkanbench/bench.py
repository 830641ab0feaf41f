"""What every part is given: the programs, a place for files, how much to measure, and inputs."""
import contextlib
import dataclasses
import itertools
import pathlib

from .inputs import Inputs


@dataclasses.dataclass
class Bench:
    build: pathlib.Path
    scratch: pathlib.Path
    rows: int            # of the upload that everything is compared by
    repeat: int
    applications: int    # single ones by the API
    scaling: list        # rows of an upload
    stored: list         # certificates in the database
    keys: list           # issuing keys
    numbers: itertools.count = dataclasses.field(default_factory=itertools.count)

    def __post_init__(self):
        self.inputs = Inputs(self.build, self.scratch / "inputs")

    def turns(self):
        """(turn, rows): of the size that is compared, never the same twice in one instance."""
        for turn in range(self.repeat):
            yield turn, self.inputs.rows(self.rows, f"t{turn}-")

    @contextlib.contextmanager
    def directory(self):
        path = self.scratch / f"d{next(self.numbers)}"
        path.mkdir()
        yield path
