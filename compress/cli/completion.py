"""``jetslim completion``: what a shell needs to complete words with the Tab key."""

from typing import Any

import click
from click.shell_completion import CompletionItem, get_completion_class


@click.command(short_help="Print the script for completion with the Tab key.")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the script with which SHELL completes commands, options, pipelines and networks.

    \b
    Examples:
      eval "$(jetslim completion bash)"      in ~/.bashrc
      eval "$(jetslim completion zsh)"       in ~/.zshrc
      jetslim completion fish > ~/.config/fish/completions/jetslim.fish
    """
    kind: Any = get_completion_class(shell)
    click.echo(kind(context.find_root().command, {}, "jetslim", "_JETSLIM_COMPLETE").source())


def pipelines(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The shipped pipelines and the networks that begin with ``incomplete``; and files."""
    from compress.models import MODELS
    from compress.pipeline.load_pipeline import PRESETS

    names = sorted({*MODELS, *(path.stem for path in PRESETS.glob("*.toml"))})
    return [
        *(CompletionItem(name) for name in names if name.startswith(incomplete)),
        CompletionItem(incomplete, "file"),
    ]


def networks(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The networks that begin with ``incomplete``, and files."""
    from compress.models import MODELS

    names = [name for name in sorted(MODELS) if name.startswith(incomplete)]
    return [*map(CompletionItem, names), CompletionItem(incomplete, "file")]
