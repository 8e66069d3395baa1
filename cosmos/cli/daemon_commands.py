"""Commands about the daemon: daemon, reconcile."""

from typing import Annotated

import typer

from cosmos.cli.options import Timeout, examples, seconds, shell

Grace = Annotated[str, typer.Option("--grace", metavar="TIME", help="How long acts under way may take at the end.")]


def add_to(app: typer.Typer) -> None:
    app.command(epilog=examples("cosmos daemon", "cosmos daemon --working-tree", "cosmos daemon --grace 2m"))(daemon)
    app.command(epilog=examples("cosmos reconcile", "git commit -am more && cosmos reconcile"))(reconcile)


def daemon(
    context: typer.Context,
    working_tree: Annotated[
        bool, typer.Option("--working-tree", help="Follow the files as they are, not the commits.")
    ] = False,
    grace: Grace = "30s",
) -> int:
    """Stay, and apply every change of the specs by itself. Ctrl-C or TERM ends it; what runs goes on."""
    from cosmos.cli import logs
    from cosmos.cli.interrupt import Interrupt
    from cosmos.daemon.audience import Audience
    from cosmos.daemon.daemon import Daemon
    from cosmos.daemon.notify import Notifier
    from cosmos.daemon.telling import Telling
    from cosmos.daemon.watch import watching

    given = shell(context)
    grace_s = seconds(grace, "--grace") or 0.0
    logs.start(max(1, given.verbose), given.log_format)
    with logs.without_waiting(), given.open() as cosmos, Notifier(cosmos.settings) as notifier:
        made = Daemon(cosmos, working_tree=working_tree, grace_s=grace_s, listeners=[Telling(), notifier])
        with watching(cosmos.settings, made), Audience(cosmos.settings, made.look) as audience, Interrupt(made.stop):
            made.run(audience)
    return 0


def reconcile(
    context: typer.Context,
    accept: Annotated[
        bool, typer.Option("--accept-removals", help="The removals that the daemon holds back are meant.")
    ] = False,
    timeout: Timeout = None,
) -> int:
    """Ask the daemon for a look now, and wait until it has looked."""
    from cosmos.cli import render

    given, timeout_s = shell(context), seconds(timeout, "--timeout")
    with given.open() as cosmos:
        heard = cosmos.reconcile(accept_removals=accept, timeout_s=timeout_s)
    talk = render.err(color=given.color)
    talk.write("The daemon has looked: cosmos status shows what it found." if heard else "It has not looked yet.")
    return 0 if heard else 5
