"""Completions for bash and zsh, from --help."""

from help_text import Help, Option

FOLDERS = ("DIR",)
FILES = ("FILE", "PATH", "PATH ...")


def bash(help: Help) -> str:
    """One function: what follows a flag, then subcommands, then flags. No helper of bash-completion is needed."""
    function = "_" + help.command[0].replace("-", "_")
    return f"""\
# Completion of {help.command[0]} for bash, made from its --help.
{function}() {{
  local current=${{COMP_WORDS[COMP_CWORD]}} previous=${{COMP_WORDS[COMP_CWORD - 1]}} command='' word
  for word in "${{COMP_WORDS[@]:1:COMP_CWORD - 1}}"; do
    case "$command $word" in
{_bash_path(help)}    esac
  done
  COMPREPLY=()
  case "$command $previous" in
{_bash_values(help)}  esac
  local words=''
  case $command in
{_bash_words(help)}  esac
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
}}
complete -o default -F {function} {help.command[0]}
"""


def _all(help: Help) -> list[Help]:
    return [help] + [below for subcommand in help.subcommands for below in _all(subcommand)]


def _path(help: Help) -> str:
    """How the generated code knows where it is: the subcommands so far, joined by `:`."""
    return ":".join(help.command[1:])


def _bash_path(help: Help) -> str:
    steps = [below for below in _all(help) if below is not help]
    rows = [f"      '{_path_above(step)} {step.command[-1]}') command='{_path(step)}' ;;\n" for step in steps]
    return "".join(rows) or "      *) ;;\n"


def _path_above(help: Help) -> str:
    return ":".join(help.command[1:-1])


def _compgen(option: Option) -> str | None:
    """The words of bash's compgen for the option's value; None where it takes no value."""
    if not option.placeholder:
        return None
    if option.choices:
        return f"-W '{' '.join(option.choices)}'"
    return "-d" if option.placeholder in FOLDERS else "-f" if option.placeholder in FILES else "-W ''"


def _bash_values(help: Help) -> str:
    rows = []
    for place in reversed(_all(help)):
        # Options of the program itself may stand behind a subcommand, too, unless that has one of the same name.
        pattern = "*" if place is help else f"'{_path(place)}'"
        for option in place.options:
            if (generator := _compgen(option)) is not None:
                flags = " | ".join(f"{pattern}' {flag}'" for flag in option.flags)
                reply = f"mapfile -t COMPREPLY < <(compgen {generator} -- \"$current\")"
                rows.append(f"    {flags})\n      {reply}\n      return\n      ;;\n")
    return "".join(rows)


def _words(place: Help, top: Help) -> list[str]:
    flags = [flag for option in place.options for flag in option.flags]
    if place is not top:
        flags += [flag for option in top.options for flag in option.flags if flag not in flags]
    return [subcommand.command[-1] for subcommand in place.subcommands] + flags


def _bash_words(help: Help) -> str:
    return "".join(f"    '{_path(place)}') words='{_wrap(_words(place, help))}' ;;\n" for place in _all(help))


def _wrap(words: list[str]) -> str:
    """In lines of bearable length; any blank separates words."""
    lines = [""]
    for word in words:
        if len(lines[-1]) + len(word) > 90:
            lines.append("     ")
        lines[-1] += f" {word}" if lines[-1] else word
    return "\n".join(lines)


def zsh(help: Help) -> str:
    """A function for each place in the tree of subcommands; `_arguments` does the rest."""
    name = help.command[0]
    functions = "\n".join(_zsh_function(place, help) for place in reversed(_all(help)))
    return f"""\
#compdef {name}
# Completion of {name} for zsh, made from its --help.

{functions}
_{name} "$@"
"""


def _zsh_function(place: Help, top: Help) -> str:
    inherited = [] if place is top else [option for option in top.options if not _has(place, option)]
    specs = [_zsh_spec(option) for option in place.options + inherited]
    if place.subcommands:
        specs += ["'1: :->command'", "'*:: :->arguments'"]
    else:
        specs += [_zsh_positional(index, positional) for index, positional in enumerate(place.positionals, 1)]
    lines = " \\\n".join(f"    {spec}" for spec in specs)
    function = "_" + "-".join(place.command)
    body = f"{function}() {{\n  local state line\n  local -A opt_args\n  _arguments -C \\\n{lines}\n"
    if place.subcommands:
        body += _zsh_dispatch(place, function)
    return body + "}\n"


def _has(place: Help, option: Option) -> bool:
    return any(set(own.flags) & set(option.flags) for own in place.options)


def _zsh_quote(text: str, special: str) -> str:
    for character in "\\" + special:
        text = text.replace(character, "\\" + character)
    return text.replace("'", "'\\''")


def _zsh_spec(option: Option) -> str:
    exclusive = f"'({' '.join(option.flags)})'" if len(option.flags) > 1 else ""
    flags = f"{{{','.join(option.flags)}}}" if len(option.flags) > 1 else option.flags[0]
    text = _zsh_quote(option.help.split(". ")[0].rstrip("."), "[]:")
    value = f":{option.placeholder.replace(':', ' ')}:{_zsh_action(option)}" if option.placeholder else ""
    return f"{exclusive}{flags}'[{text}]{value}'"


def _zsh_action(option: Option) -> str:
    if option.choices:
        return f"({' '.join(option.choices)})"
    return "_files -/" if option.placeholder in FOLDERS else "_files" if option.placeholder in FILES else " "


def _zsh_positional(index: int, positional: Option) -> str:
    several = positional.placeholder.endswith("...") or positional.placeholder.startswith("KEYS")
    return f"'{'*' if several else index}:{positional.placeholder.removesuffix(' ...')}:{_zsh_action(positional)}'"


def _zsh_dispatch(place: Help, function: str) -> str:
    rows = "".join(f"        '{subcommand.command[-1]}:{_zsh_quote(subcommand.summary, ':')}'\n"
                   for subcommand in place.subcommands)
    return f"""\
  case $state in
    command)
      local -a commands=(
{rows}      )
      _describe command commands
      ;;
    arguments) (( $+functions[{function}-$words[1]] )) && {function}-$words[1] ;;
  esac
"""
