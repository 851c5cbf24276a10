"""The command line: ``xvrcore <command>``, each command in the file of its name.

A command's file has ``add_arguments(parser)`` and ``run(options) -> int`` (the exit code). Exit codes: 0 done,
1 the work failed, 2 the input is wrong, 130 interrupted. Only the file of the command asked for is imported, so
that ``--help`` answers at once.
"""

import argparse
import importlib
import sys

from xvrcore import __version__
from xvrcore.errors import InputError, WorkError
from xvrcore.threads import prepare_threads

DONE, FAILED, WRONG_INPUT, INTERRUPTED = 0, 1, 2, 130

COMMANDS = {
    "register": "find the pose of one or many X-rays relative to a CT or MR",
    "simulate": "make an X-ray from a CT at a given pose, with its truth",
    "finetune": "train a network on synthetic X-rays of one patient, in the background",
    "pretrain": "train a network on synthetic X-rays of many patients, in the background or under torchrun",
    "jobs": "list, watch, stop and resume work in the background",
    "evaluate": "measure the error of a pose against the truth or landmarks",
    "info": "show versions and devices, and try every renderer",
    "demo": "register the sample X-rays to a chest CT and show the errors",
}


def main(arguments: list[str] | None = None) -> int:
    """Run one command; what is wrong ends as one line on stderr, never as a traceback.

    :param arguments: without the program's name; ``None`` takes those of this process.
    :returns: the exit code; argparse's own errors leave through ``SystemExit(2)``.
    """
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    options = _parser(arguments).parse_args(arguments)
    if hasattr(sys.stdout, "reconfigure"):      # a file's name that this encoding lacks must not end the work
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        prepare_threads(getattr(options, "threads", None))
        return importlib.import_module(f"xvrcore.cli.{options.command}").run(options)
    except InputError as error:
        return _complain("error", str(error), WRONG_INPUT)
    except WorkError as error:
        return _complain("failed", str(error), FAILED)
    except OSError as error:
        if error.filename is None:
            raise
        return _complain("error", f"{error.filename}: {error.strerror}.", WRONG_INPUT)
    except MemoryError:
        return _complain("failed", "The memory is used up; close other programs, or give smaller files.", FAILED)
    except KeyboardInterrupt:
        print("xvrcore: interrupted", file=sys.stderr)
        return INTERRUPTED


class _Parser(argparse.ArgumentParser):
    """Complains in one line, as everything else does."""

    def error(self, message):
        self.exit(WRONG_INPUT, f"xvrcore: error: {message}; see {self.prog} --help\n")


def _parser(arguments: list[str]) -> _Parser:
    """The parser of all commands, with the options of only the one that is asked for."""
    parser = _Parser(
        prog="xvrcore", description="Align X-rays with the CT or MR of the same patient. Research and teaching only.")
    parser.add_argument("--version", action="version", version=f"xvrcore {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    asked = next((word for word in arguments if not word.startswith("-")), None)
    for name, summary in COMMANDS.items():
        command = commands.add_parser(name, help=summary, description=f"{summary[0].upper()}{summary[1:]}.",
                                      allow_abbrev=False)
        if name == asked:
            importlib.import_module(f"xvrcore.cli.{name}").add_arguments(command)
    return parser


def _complain(kind: str, message: str, code: int) -> int:
    print(f"xvrcore: {kind}: {' '.join(message.split())}", file=sys.stderr)
    return code
