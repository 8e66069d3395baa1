"""Commands about machines: hosts list, check, trust, claim, pull."""

from typing import TYPE_CHECKING, Annotated

import typer

from cosmos.cli import reading_commands
from cosmos.cli.options import ListOutput, ListOutputOption, Output, OutputOption, complete_hosts, examples, shell

if TYPE_CHECKING:
    from cosmos.cli.render import Screen
    from cosmos.views import ShownKey

Host = Annotated[str, typer.Argument(metavar="HOST", help="A host of cosmos.toml.", autocompletion=complete_hosts)]
Hosts = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="HOSTS", help="Hosts, or globs. Default: all.", autocompletion=complete_hosts, show_default=False
    ),
]

app = typer.Typer(help="Machines: list, check, trust, claim, pull images.", no_args_is_help=True, rich_markup_mode=None)


def add_to(parent: typer.Typer) -> None:
    app.command("list", epilog=examples("cosmos hosts list", "cosmos hosts list -o json"))(list_)
    app.command(epilog=examples("cosmos hosts check", "cosmos hosts check lambda -o json"))(check)
    app.command(epilog=examples("cosmos hosts trust lambda", "cosmos hosts trust lambda --yes"))(trust)
    app.command(epilog=examples("cosmos hosts claim lambda", "cosmos hosts claim lambda --yes"))(claim)
    app.command(epilog=examples("cosmos hosts pull lambda", "cosmos hosts pull lambda ubuntu:24.04"))(pull)
    first = examples("cosmos hosts trust lambda", "cosmos hosts check lambda", "cosmos hosts list")
    parent.add_typer(app, name="hosts", epilog=first)


def list_(context: typer.Context, names: Hosts = None, output: ListOutputOption = ListOutput.TEXT) -> int:
    """List hosts: GPUs, what runs on them, disk, reachability. The same as `cosmos list hosts`."""
    return reading_commands.list_(context, reading_commands.Kind.HOSTS, names=names, output=output)


def check(context: typer.Context, names: Hosts = None, output: OutputOption = Output.TEXT) -> int:
    """Look whether hosts have what the runs of the specs need, and say what to do where they have not."""
    from cosmos.cli import check_page, render

    given = shell(context)
    with given.open() as cosmos:
        found = cosmos.machines.check(names or [])
    render.answer(
        output,
        color=given.color,
        text=lambda screen: check_page.lines(found, screen),
        document=lambda: check_page.document(found),
    )
    return check_page.exit_code(found)


def trust(
    context: typer.Context,
    name: Host,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Trust the key without asking.")] = False,
) -> int:
    """Show the key of a host, ask, and pin it for this project. Nothing is sent to the host before."""
    from cosmos.cli import render
    from cosmos.errors import RefusedError

    given = shell(context)
    with given.open() as cosmos:
        screen = render.err(color=given.color)
        passed = False
        while True:
            shown = cosmos.machines.key(name)
            if passed and shown.is_way:
                raise RefusedError(f"{shown.server} shows one key after another", "see what answers at that address")
            is_new = _settled(shown, screen, yes=yes)
            if is_new:
                cosmos.machines.trust(shown)
            if not shown.is_way:
                break
            passed = True  # the host's own key is shown only through a machine that is trusted
            screen.write(f"Trusted, as the way to {shown.name}. The key of {shown.name} itself:")
        if is_new:
            screen.write(f"Trusted. Next: cosmos hosts check {shown.name}")
    return 0


def _settled(shown: "ShownKey", screen: "Screen", *, yes: bool) -> bool:
    """Whether a key is to be pinned, which a person has said; else it is known already."""
    from cosmos.errors import RefusedError

    screen.write(f"{shown.server} shows the key {shown.type} {shown.fingerprint}")
    if shown.is_revoked:
        raise RefusedError("this key is revoked in a known_hosts file", "give the server a new key")
    if shown.is_known:
        by = " It is trusted by host_key in cosmos.toml." if shown.is_fixed else ""
        screen.write(f"It is the key that is known already.{by}")
        return False
    if shown.is_fixed:
        raise RefusedError(
            f"another key is expected: {', '.join(shown.expected)}",
            "compare the key with `ssh-keygen -lf` on the machine itself, then edit host_key in cosmos.toml",
        )
    for line in shown.expected:
        screen.write(screen.paint(f"Until now it had another key: {line}", "red"))
    screen.write("Compare it with what the machine itself says: ssh-keygen -lf /etc/ssh/ssh_host_*_key.pub")
    if not yes and not _agreed("Trust it from now on?"):
        raise RefusedError("the key was not trusted", "answer y, or say --yes where nobody can be asked")
    return True


def _agreed(question: str) -> bool:
    from cosmos.cli import questions

    return questions.can_ask() and questions.confirmed(question)


def claim(
    context: typer.Context,
    name: Host,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Take it over without asking.")] = False,
) -> int:
    """Show whose the project's folder on a host is, ask, and take it over from a controller that is gone for good.

    Its work there is adopted by the next apply, as far as the specs ask for it.
    """
    from cosmos.cli import render
    from cosmos.errors import RefusedError

    given = shell(context)
    screen = render.err(color=given.color)
    with given.open() as cosmos:
        shown = cosmos.machines.owner(name)
        if not shown.line:
            screen.write(f"Nobody has acted on {shown.name} yet: the first apply makes it ours.")
            return 0
        screen.write(f"The project's folder on {shown.name} belongs to {shown.who}.")
        if shown.is_ours:
            screen.write("That is this project itself: it goes on there without this, unless a clock was set back.")
        else:
            screen.write("From then on that one can change nothing there. If it is still alive, stop it first.")
        if not yes and not _agreed("Take it over?"):
            raise RefusedError("nothing was taken over", "answer y, or say --yes where nobody can be asked")
        cosmos.machines.claim(shown)
    screen.write("Taken over. Next: cosmos plan shows what is there, cosmos apply goes on with it.")
    return 0


def pull(
    context: typer.Context,
    name: Host,
    images: Annotated[
        list[str] | None,
        typer.Argument(metavar="IMAGES", help="Default: those that the runs of the specs need.", show_default=False),
    ] = None,
) -> int:
    """Have docker on a host pull images."""
    from cosmos.cli import render

    given = shell(context)
    with given.open() as cosmos:
        screen, current, begun = render.err(color=given.color), "", b""
        for image, piece in cosmos.machines.pull(name, images or []):
            if image != current:
                if begun:
                    screen.write(render.printable(begun.decode("utf-8", "replace")))
                current, begun = image, b""
                screen.write(screen.paint(f"{name}: {image}", "bold"))
            if screen.width is None:
                screen.write_bytes(piece)
                continue
            *lines, begun = (begun + piece).replace(b"\r\n", b"\n").split(b"\n")
            screen.write(*(render.printable(line.decode("utf-8", "replace")) for line in lines))
        if begun:
            screen.write(render.printable(begun.decode("utf-8", "replace")))
    return 0
