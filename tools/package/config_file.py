"""The packaged kv-server.toml: every setting with what --help says of it, commented out at its default."""

import textwrap
from pathlib import Path

from help_text import BY_MACHINE, Help, run

COLUMNS = 100

HEADER = """\
# Settings of kv-server, as TOML. kv-server.toml(5) has the kinds of values.
#
# A line that is commented out shows the default. After a change,
#
#     kv-server --config /etc/kv-server/kv-server.toml --check-config
#     systemctl restart kv-server
#
# first say whether all is well, and then make it so.
"""

# What the package sets, and why.
PACKAGED = {
    "data-dir": ('"/var/lib/kv-server/data"', "The service may write to /var/lib/kv-server and nowhere else."),
}


def config_file(help: Help, program: Path) -> str:
    lines = run(program, "--print-config").splitlines()
    defaults = dict(line.removeprefix("#").split(" = ", 1) for line in lines)
    parts = [HEADER]
    for title, group in list(help.groups.items())[:-1]:
        parts.append(f"\n# ==== {title} ====\n")
        for option in group:
            default = defaults[option.name].removesuffix("  # default")
            parts.append(_setting(option.name, option.help, default))
    return "".join(parts)


def _setting(name: str, text: str, default: str) -> str:
    if BY_MACHINE in text:
        default = "4"
        text += " For example:"
    line = f"#{name} = {default}"
    if name in PACKAGED:
        value, reason = PACKAGED[name]
        text += f" {reason}"
        line = f"{name} = {value}"
    comment = textwrap.fill(text, COLUMNS, initial_indent="# ", subsequent_indent="# ", break_on_hyphens=False)
    return f"\n{comment}\n{line}\n"
