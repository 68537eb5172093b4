"""The reference of the command line, from click's commands and from the runner's parser."""

import argparse
import importlib
from collections.abc import Iterator
from pathlib import Path

import click

from docs.generate.descriptions import cell, markdown


def page() -> str:
    """Every command of ``jetslim``, with its options and examples, as Markdown."""
    return "\n\n".join(_section(name, command) for name, command in every())


def every() -> Iterator[tuple[str, click.Command]]:
    """(the words that call it, a command), of groups the commands in them."""
    from compress.cli.main import commands

    for command in commands():
        yield from _flat(command.name or "", command)


def _flat(words: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
    if isinstance(command, click.Group):
        for name, inner in command.commands.items():
            yield from _flat(f"{words} {name}", inner)
    else:
        yield words, command


def examples(command: click.Command) -> list[str]:
    """The lines of its help that call ``jetslim``."""
    lines = (line.strip() for line in (command.help or "").splitlines())
    return [line for line in lines if line.startswith("jetslim ")]


def _section(name: str, command: click.Command) -> str:
    text, _, _ = (command.help or "").partition("\b")
    arguments = [parameter for parameter in command.params if isinstance(parameter, click.Argument)]
    usage = " ".join(
        ["jetslim", name, "[OPTIONS]", *(argument.make_metavar(click.Context(command)) for argument in arguments)]
    )
    shown = "\n".join(examples(command))
    parts = [f"## {name}", f"```\n{usage}\n```", markdown(text).strip(), _options(command), f"```sh\n{shown}\n```"]
    return "\n\n".join(part for part in parts if part)


def options(command: click.Command) -> list[click.Option]:
    """Those that are shown."""
    return [each for each in command.params if isinstance(each, click.Option) and not each.hidden]


def _options(command: click.Command) -> str:
    rows = ["| option | default | what it does |", "|---|---|---|"]
    context = click.Context(command)
    for option in options(command):
        names = ", ".join(f"`{name}`" for name in option.opts)
        value = "" if option.is_flag else f" `{option.make_metavar(context)}`"
        many = "; may be given several times" if option.multiple and "several times" not in (option.help or "") else ""
        variable = f"; or by {option.envvar}" if option.envvar else ""
        help_text = (option.help or "").split("  [default")[0].removesuffix(".")
        rows.append(f"| {names} {cell(value.strip())} | {_default(option)} | {cell(help_text + variable + many)}. |")
    return "\n".join(rows) if len(rows) > 2 else ""


def _default(option: click.Option) -> str:
    if option.required:
        return "needed"
    if option.is_flag or option.multiple or not isinstance(option.default, int | float | str | Path):
        return ""
    return f"`{option.default}`"


def runner() -> str:
    """The commands of ``jetson.pyz``, as Markdown."""
    parser = importlib.import_module("jetson.cli")._parser()
    return "\n\n".join(_of_runner(name, each) for name, each in subparsers(parser).items())


MAKE = {
    'make jetson HOST=BOARD REMOTE="OPTIONS"': "jetson.host.remote",
    'make study STUDY=FILE ARGS="OPTIONS"': "benchmarks.paper2022.__main__",
    'make peers NETWORKS="NAMES" ARGS="OPTIONS"': "benchmarks.peers.__main__",
    'make check-tensorrt MODEL=NAME ARGS="OPTIONS"': "benchmarks.tensorrt.check",
}
"""What make calls with options of its own -> the module that reads them."""


def of_make() -> str:
    """What make calls, with its options, as Markdown."""
    return "\n\n".join(_of_make(called, module) for called, module in MAKE.items())


def _of_make(called: str, module: str) -> str:
    parser = importlib.import_module(module).parser()
    about = (parser.description or "").partition(":")[0].partition("\n\n")[0].removesuffix(".")
    words = called.split()
    return "\n\n".join([f"### {words[0]} {words[1]}", f"`{called}`", f"{about}.", _table(parser, options=True)])


def subparsers(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """The runner's commands that a user calls: those with a line of help."""
    (commands,) = (action for action in parser._actions if isinstance(action, argparse._SubParsersAction))
    told = {choice.dest: choice.help for choice in commands._choices_actions}
    for name in told:
        commands.choices[name].description = commands.choices[name].description or told[name]
    return {name: commands.choices[name] for name in told}


def shown(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    """Its arguments and options, hidden ones and --help apart."""
    return [action for action in parser._actions if action.help is not argparse.SUPPRESS and action.dest != "help"]


def _of_runner(name: str, parser: argparse.ArgumentParser) -> str:
    return f"### {name}\n\n{parser.description}.\n\n{_table(parser)}"


def _table(parser: argparse.ArgumentParser, options: bool = False) -> str:
    """A row an argument; ``options``: of those with a name alone."""
    rows = ["| argument | what it is |", "|---|---|"]
    for action in shown(parser):
        if options and not action.option_strings:
            continue
        words = action.metavar or (action.dest.upper() if action.type or action.choices else "")
        called = ", ".join(f"`{option}`" for option in action.option_strings) or f"`{action.dest}`"
        value = f" `{words}`" if action.option_strings and words else ""
        rows.append(f"| {called}{value} | {cell(action.help or '')} |")
    return "\n".join(rows)
