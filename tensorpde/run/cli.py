"""The command ``tensorpde``: doctor, info, plot, bench; also ``python -m tensorpde``."""

from __future__ import annotations

import argparse
import importlib
import json
import pkgutil
import sys
from collections.abc import Sequence

from tensorpde import bench
from tensorpde.backend import Unavailable
from tensorpde.io.hdf5 import version
from tensorpde.run import exit_codes


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; an error in what the user gave is one line on standard error."""
    arguments = _parser().parse_args(argv)
    try:
        return arguments.run(arguments) or exit_codes.FINISHED
    except (OSError, ValueError, ImportError, Unavailable) as error:
        print(f"tensorpde {arguments.command}: {error}", file=sys.stderr)
        return exit_codes.ERROR


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="tensorpde", description="Tools around tensorpde's runs and files.")
    parser.add_argument("--version", action="version", version=f"tensorpde {version()}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    doctor = commands.add_parser("doctor", help="what this machine has, each part, how it was found")
    doctor.set_defaults(run=_doctor)

    info = commands.add_parser("info", help="what is in a file: grid, fields, ranges, time, parameters")
    info.add_argument("file", nargs="+", metavar="FILE")
    info.set_defaults(run=_info)

    plot = commands.add_parser("plot", help="draw a snapshot or a time series")
    plot.add_argument("file", metavar="FILE")
    plot.add_argument("-o", "--out", required=True, metavar="PNG", help="the picture: .png, .pdf or .svg")
    plot.add_argument("--field", action="append", default=[], metavar="NAME", help="a dataset to draw (default: all)")
    plot.add_argument(
        "--at",
        action="append",
        default=[],
        type=_cut,
        metavar="AXIS=VALUE",
        help="where to cut a 3-D field, such as z=0.5 (default: all three middles)",
    )
    plot.add_argument("--spectrum", action="store_true", help="energy spectrum over the periodic axes")
    plot.set_defaults(run=_plot)

    names = _benchmarks()
    benches = commands.add_parser("bench", help="time a part against this machine's copy and other packages")
    benches.add_argument("name", choices=names, metavar="NAME", help=", ".join(names))
    benches.add_argument("rest", nargs=argparse.REMAINDER, metavar="…", help="its own flags: NAME --help lists them")
    benches.set_defaults(run=_bench)
    return parser


def _cut(text: str) -> tuple[str, float]:
    name, _, value = text.partition("=")
    try:
        return name, float(value)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not AXIS=VALUE, such as z=0.5") from None


def _benchmarks() -> list[str]:
    """The files of tensorpde/bench that can be run: a new file there is enough."""
    return sorted(m.name for m in pkgutil.iter_modules(bench.__path__) if m.name not in ("measure", "table"))


# Each command imports what it needs itself: doctor must run where another part cannot be imported.


def _doctor(arguments: argparse.Namespace) -> int | None:
    from tensorpde.run import doctor

    return doctor.main()


def _info(arguments: argparse.Namespace) -> None:
    from tensorpde.run import contents

    print("\n\n".join(map(contents.describe, arguments.file)))


def _plot(arguments: argparse.Namespace) -> None:
    from tensorpde.run import pictures

    print(pictures.draw(arguments.file, arguments.out, arguments.field, dict(arguments.at), arguments.spectrum))


def _bench(arguments: argparse.Namespace) -> None:
    from tensorpde.bench.table import table
    from tensorpde.parallel.comm import world

    module = importlib.import_module(f"{bench.__name__}.{arguments.name}")
    parser = argparse.ArgumentParser(prog=f"tensorpde bench {arguments.name}", description=module.__doc__)
    parser.add_argument("--json", action="store_true", help="print the rows as JSON instead of a table")
    module.add_arguments(parser)
    own = parser.parse_args(arguments.rest)
    rows = module.run(own)
    if world().rank == 0:
        print(json.dumps(rows, indent=2) if own.json else table(rows))
