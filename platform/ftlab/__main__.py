"""``python -m ftlab``: the command line where only the source is there, as in a submitted job."""

from ftlab.cli.command_line import main

main()
