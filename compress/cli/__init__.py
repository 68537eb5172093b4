"""The command line: translates words into calls. TensorFlow loads inside commands, so that --help is instant."""

from compress.cli.main import main

__all__ = ["main"]
