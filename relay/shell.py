"""Who is at the command line: for the audit."""

import getpass


def who() -> str:
    """Name the person at the shell: ``shell:eva``."""
    try:
        return f"shell:{getpass.getuser()}"
    except (KeyError, OSError):  # a user without a name, as in a container
        return "shell"
