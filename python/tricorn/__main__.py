"""``python -m tricorn``: the same as the ``tricorn`` command."""

import sys

from tricorn.cli.main import main

sys.exit(main())
