"""What is made from --help for the package: settings, manual pages and completions, in the shells that use them.

The environment's KV_PROGRAMS names the folder of the programs.
"""

import gzip
import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

TREE = Path(__file__).resolve().parents[3]
sys.path[:0] = [str(TREE / "tools/package"), str(TREE / "tests/integration/docs")]

import help_text  # noqa: E402
from generate import PROGRAMS, generate  # noqa: E402
from live_server import LiveServer  # noqa: E402
from references_test import dead_links  # noqa: E402

BUILT = Path(os.environ["KV_PROGRAMS"])
DEADLINE_S = 60

# What somebody types before the key that completes, and what it becomes.
COMPLETIONS = [
    ("kv-server --fsync al", "always"),
    ("kv-server --eviction volatile-t", "volatile-ttl"),
    ("kv-server --print-com", "--print-commands"),
    ("kv-cli snaps", "snapshot"),
    ("kv-cli client se", "setname"),
    ("kv-cli snapshot --ba", "--background"),
    ("kv-cli snapshot --connect-t", "--connect-timeout"),
    ("kv-bench --op mi", "mixed"),
    ("kv-wal repair --trun", "--truncate-at"),
]


def setUpModule() -> None:
    global FOLDER, OUT
    FOLDER = tempfile.TemporaryDirectory()
    OUT = Path(FOLDER.name)
    generate(BUILT, OUT, "0.0.0", "Nobody <nobody@localhost.invalid>")


def tearDownModule() -> None:
    FOLDER.cleanup()


def print_config(*words: str) -> dict[str, str]:
    """Every setting, as the server prints it, by its name."""
    lines = help_text.run(BUILT / "kv-server", *words, "--print-config").splitlines()
    pairs = (line.removeprefix("#").split(" = ", 1) for line in lines)
    return {name: value.rsplit("  # ", 1)[0] for name, value in pairs}


def words_of(setting: str) -> list[str]:
    """The words that the server takes for a setting, as it names them when it gets another; none where it takes more
    than words."""
    done = subprocess.run([BUILT / "kv-server", f"--{setting}", "no-such-word", "--check-config"], capture_output=True,
                          text=True, timeout=DEADLINE_S, env={})
    named = re.search(rf"--{setting}: no-such-word is not one of (.+)$", done.stderr, re.M)
    return named[1].split(", ") if named else []


class HelpTest(unittest.TestCase):
    def test_every_setting_that_takes_one_of_several_words_has_them_as_its_choices(self) -> None:
        options = {option.name: option for option in help_text.read_help(BUILT / "kv-server").options}
        words = {setting: words_of(setting) for setting in print_config()}
        self.assertIn("volatile-ttl", words["eviction"])
        self.assertEqual({setting: options[setting].choices for setting in words}, words)


class ConfigFileTest(unittest.TestCase):
    def setUp(self) -> None:
        self.path = OUT / "kv-server.toml"
        self.lines = dict(re.findall(r"^#?([a-z-]+) = (.*)$", self.path.read_text("utf-8"), re.M))

    def test_it_lists_exactly_the_settings_there_are_with_their_defaults(self) -> None:
        by_machine = {"threads": self.lines["threads"]}
        packaged = {"data-dir": '"/var/lib/kv-server/data"'}
        self.assertEqual(list(self.lines.items()), list((print_config() | by_machine | packaged).items()))

    def test_the_server_takes_it_as_it_is_and_changes_the_data_directory_alone(self) -> None:
        said = help_text.run(BUILT / "kv-server", "--config", str(self.path), "--check-config")
        self.assertEqual(said, "configuration is valid\n")
        self.assertEqual(dict(print_config("--config", str(self.path)).items() - print_config().items()),
                         {"data-dir": '"/var/lib/kv-server/data"'})

    def test_the_server_takes_it_with_every_line_in_force_but_those_that_say_who_is_let_in(self) -> None:
        path = OUT / "everything.toml"
        text = re.sub(r"^#(?!(?:password|password-file|acl-file) )([a-z-]+ = )", r"\1",
                      self.path.read_text("utf-8"), flags=re.M)
        path.write_text(text, "utf-8")
        self.assertEqual(print_config("--config", str(path)), self.lines)


def render(page: Path) -> tuple[str, str]:
    """The page as a reader sees it, and what man has to say against it."""
    environment = {"LC_ALL": "C.UTF-8", "MANWIDTH": "1000", "PATH": os.environ["PATH"], "MAN_KEEP_FORMATTING": ""}
    done = subprocess.run(["man", "--warnings", "-E", "UTF-8", "-l", page], capture_output=True, text=True,
                          timeout=DEADLINE_S, env=environment)
    return re.sub(r".\x08", "", done.stdout), done.stderr


class ManualTest(unittest.TestCase):
    def test_man_has_nothing_against_any_page(self) -> None:
        pages = sorted(OUT.glob("man?/*.gz"))
        self.assertEqual([page.stem for page in pages],
                         ["kv-bench.1", "kv-cli.1", "kv-server.1", "kv-wal.1", "kv-server.toml.5"])
        for page in pages:
            with self.subTest(page=page.name):
                text, complaints = render(page)
                self.assertEqual(complaints, "")
                self.assertNotIn("@", gzip.decompress(page.read_bytes()).decode())
                self.assertIn("SEE ALSO", text)

    def test_every_option_and_subcommand_is_on_the_page_of_its_program(self) -> None:
        for program in PROGRAMS:
            text, _ = render(OUT / "man1" / f"{program}.1.gz")
            help = help_text.read_help(BUILT / program)
            for option in help.options:
                self.assertRegex(text, rf"\n +{re.escape(', '.join(option.flags))}[ \n]")
            for subcommand in help.subcommands:
                self.assertRegex(text, rf"\n +{' '.join(subcommand.command[1:])}[ \n]")
                self.assertIn((subcommand.subcommands or [subcommand])[0].summary, text)
            self.assertNotRegex(text, r"\b(NONNEGATIVE|POSITIVE|REQUIRED|UINT)\b")  # CLI11's words, not ours

    def test_every_setting_is_on_the_page_of_the_configuration_file(self) -> None:
        text, _ = render(OUT / "man5" / "kv-server.toml.5.gz")
        self.assertEqual(re.findall(r"^ +([a-z-]+) = [A-Z]", text, re.M), list(print_config()))

    def test_the_page_of_the_server_says_how_to_keep_others_out(self) -> None:
        text, _ = render(OUT / "man1" / "kv-server.1.gz")
        description = text.partition("OPTIONS")[0]
        for flag in ("--password-file", "--acl-file", "--tls-bind"):
            self.assertIn(flag, description)

    def test_the_page_of_the_configuration_file_names_the_settings_that_change_while_the_server_runs(self) -> None:
        os.environ["KV_SERVER"] = str(BUILT / "kv-server")
        with LiveServer("--max-memory", "1GiB") as server:
            told = help_text.run(BUILT / "kv-cli", "--port", str(server.port), "--json", "config", "get")
        settings = {setting["name"]: setting["live"] for setting in json.loads(told)["settings"]}
        text, _ = render(OUT / "man5" / "kv-server.toml.5.gz")
        (named,) = re.findall(r"kv-cli config set changes these at once: (.*?)\.", text)
        self.assertEqual(set(re.findall(r"[a-z-]+", named)) & set(settings),
                         {name for name, live in settings.items() if live})

    def test_a_page_with_a_fault_is_seen(self) -> None:
        page = OUT / "faulty.1"
        page.write_text('.TH FAULTY 1\n.SH NAME\nfaulty \\- page\n.NOSUCHMACRO\n', "utf-8")
        self.assertIn("NOSUCHMACRO", render(page)[1])


class DocumentsTest(unittest.TestCase):
    def test_every_link_leads_to_something_that_is_installed(self) -> None:
        folder = OUT / "doc"
        pages = sorted(folder.rglob("*.md"))
        self.assertEqual([fault for page in pages for fault in dead_links(page, page.read_text("utf-8"))], [])
        targets = [page.parent / target for page in pages
                   for target in re.findall(r"\]\(([\w./-]+)\)", page.read_text("utf-8"))]
        self.assertEqual([target for target in targets if not target.resolve().is_relative_to(folder)], [])

    def test_a_page_is_as_in_the_tree_but_for_links_that_would_lead_out(self) -> None:
        changed = {}
        for page in sorted((OUT / "doc").rglob("*.md")):
            name = str(page.relative_to(OUT / "doc"))
            source = TREE / ("tools/monitoring/README.md" if name == "examples/README.md" else f"docs/{name}")
            lines = zip(source.read_text("utf-8").splitlines(), page.read_text("utf-8").splitlines(), strict=True)
            if differing := [(before, after) for before, after in lines if before != after]:
                changed[name] = differing
        self.assertEqual(set(changed), {"operations.md", "benchmarks.md", "examples/README.md"})
        self.assertIn("(examples/README.md)", changed["operations.md"][0][1])
        self.assertIn("(../operations.md#metrics)", changed["examples/README.md"][0][1])
        self.assertNotIn("](", changed["benchmarks.md"][0][1])

    def test_what_watches_the_server_is_there(self) -> None:
        for name in ("alerts.yml", "dashboard.json", "prometheus.yml"):
            installed, source = OUT / "doc/examples" / name, TREE / "tools/monitoring" / name
            self.assertEqual(installed.read_bytes(), source.read_bytes())


class BashCompletionTest(unittest.TestCase):
    def complete(self, line: str) -> list[str]:
        words = line.split()
        script = 'source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); "_${1//-/_}"; echo "${COMPREPLY[*]}"'
        done = subprocess.run(["bash", "-c", script, "bash", OUT / "bash" / words[0], *words], check=True,
                              capture_output=True, text=True, timeout=DEADLINE_S)
        return (done.stdout + done.stderr).split()

    def test_what_is_begun_is_ended(self) -> None:
        for typed, completed in COMPLETIONS:
            self.assertEqual(self.complete(typed), [completed], typed)

    def test_shellcheck_has_nothing_against_it(self) -> None:
        files = [OUT / "bash" / program for program in PROGRAMS]
        done = subprocess.run(["shellcheck", "-s", "bash", *files], capture_output=True, text=True, timeout=DEADLINE_S)
        self.assertEqual((done.stdout, done.returncode), ("", 0))


class Zsh:
    """An interactive zsh on a terminal of its own, in which ^G shows the line that is being typed."""

    SETUP = """\
PS1=; fpath=(%s $fpath); zstyle ':completion:*' verbose no
autoload -U compinit; compinit -u -D
show() { print -r -- "<$BUFFER>"; BUFFER= }
zle -N show; bindkey '^G' show; unsetopt beep list_beep auto_list auto_menu
"""

    def __init__(self, functions: Path) -> None:
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            os.execvpe("zsh", ["zsh", "-f", "-i"], {"PATH": os.environ["PATH"], "TERM": "dumb", "HOME": str(OUT)})
        self.send(self.SETUP % functions)
        self.complete("ready")

    def send(self, text: str) -> None:
        os.write(self.terminal, text.encode())

    def complete(self, line: str) -> str:
        """What `line` becomes with the tabulator; nothing where zsh doesn't say in time."""
        self.send(f"{line}\t\x07")
        output = ""
        deadline = time.monotonic() + DEADLINE_S
        while (left := deadline - time.monotonic()) > 0 and select.select([self.terminal], [], [], left)[0]:
            output += os.read(self.terminal, 4096).decode(errors="replace")
            if found := re.search(r"<(\w[^<>\r\n]*)>\r", output):
                return found[1].strip()
        return ""

    def close(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.terminal)


class ZshCompletionTest(unittest.TestCase):
    def test_what_is_begun_is_ended(self) -> None:
        zsh = Zsh(OUT / "zsh")
        self.addCleanup(zsh.close)
        for typed, completed in COMPLETIONS:
            begun = typed.rpartition(" ")[0]
            self.assertEqual(zsh.complete(typed), f"{begun} {completed}")


if __name__ == "__main__":
    unittest.main()
