"""The parts of the manual pages that come from --help, in the macros of man(7)."""

import re

from help_text import Help, Option


def escape(text: str) -> str:
    """For a line of text: what roff would take for its own becomes plain."""
    text = text.replace("\\", r"\e").replace("-", r"\-").replace("^", r"\(ha").replace("~", r"\(ti")
    return re.sub(r"^([.'])", r"\\&\1", text)


def option_list(options: list[Option]) -> str:
    rows = []
    for option in options:
        flags = ", ".join(rf"\fB{escape(flag)}\fP" for flag in option.flags)
        value = rf" \fI{escape(option.placeholder)}\fP" if option.placeholder else ""
        rows.append(f".TP\n{flags}{value}\n{escape(option.help)}\n")
    return "".join(rows)


def options(help: Help) -> str:
    """All groups, each under its title where there are several."""
    if len(help.groups) == 1:
        return option_list(help.options)
    return "".join(f".SS {title}\n{option_list(group)}" for title, group in help.groups.items())


def argument(positional: Option) -> str:
    name = rf"\fI{escape(positional.placeholder)}\fP"
    return f" {name}" if positional.required else f" [{name}]"


def commands(help: Help) -> str:
    """Every subcommand with its arguments, and what only it takes besides."""
    rows = []
    for command in help.subcommands:
        if command.subcommands:
            rows.append(commands(command))
            continue
        name = rf"\fB{escape(' '.join(command.command[1:]))}\fP"
        own = [option for option in command.options if option.name != "help"]
        arguments = "".join(argument(positional) for positional in command.positionals)
        rows.append(f".TP\n{name}{arguments}\n{escape(command.summary)}\n")
        if own:
            rows.append(f".RS\n{option_list(own)}.RE\n")
    return "".join(rows)


def settings(help: Help) -> str:
    """kv-server's options as keys of its configuration file. The last group has actions, which no file can hold."""
    groups = list(help.groups.items())[:-1]
    rows = []
    for title, group in groups:
        rows.append(f".SS {title}\n")
        for option in group:
            value = escape(option.placeholder or "BOOL")
            rows.append(f".TP\n\\fB{escape(option.name)}\\fP = \\fI{value}\\fP\n{escape(option.help)}\n")
    return "".join(rows)


def page(template: str, help: Help, version: str) -> str:
    """The template with its marks filled in. A mark stands alone on its line."""
    parts = {"OPTIONS": options, "COMMANDS": commands, "SETTINGS": settings}
    text = template.replace("@VERSION@", version)
    for name, part in parts.items():
        if f"@{name}@\n" in text:
            text = text.replace(f"@{name}@\n", part(help))
    return text
