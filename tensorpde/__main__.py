"""``python -m tensorpde``: the command line."""

import sys

from tensorpde.run.cli import main

sys.exit(main())
