"""Reads a Dockerfile, and carries its instructions out in chroots instead of containers.

That is what can be tested without a daemon: that each RUN works in a clean Debian, that every COPY finds its files, and
that what the image would start does start as its user. Instructions and flags that it doesn't know are errors.
"""

import json
import re
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from chroot import Chroot

NOTED = ("VOLUME", "EXPOSE", "STOPSIGNAL", "HEALTHCHECK", "ENTRYPOINT", "CMD", "USER")


@dataclass
class Stage:
    image: str
    name: str
    instructions: list[tuple[str, str]] = field(default_factory=list)


def parse(text: str) -> list[Stage]:
    """The stages in their order. A line that ends in a backslash goes on in the next one."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    stages: list[Stage] = []
    for line in re.sub(r"\\\n\s*", " ", "\n".join(lines)).splitlines():
        instruction, _, rest = line.strip().partition(" ")
        if instruction == "FROM":
            found = re.fullmatch(r"(\S+)(?: AS (\S+))?", rest.strip())
            stages.append(Stage(found[1], found[2] or str(len(stages))))
        elif instruction:
            stages[-1].instructions.append((instruction, rest.strip()))
    return stages


def ignored(text: str) -> list[str]:
    """The patterns of a .dockerignore, as shutil takes them. They hold at every depth, which is more than Docker
    does with those that have no `**`, and the same for the tree they are made for."""
    lines = (line.strip() for line in text.splitlines())
    return [line.removeprefix("**/") for line in lines if line and not line.startswith("#")]


class Built:
    """A stage whose instructions have been carried out."""

    def __init__(self, stage: Stage, system: Chroot, context: Path, earlier: dict[str, "Built"],
                 extra: dict[str, str]) -> None:
        self.system = system
        self.noted: dict[str, str] = {}
        self.environment: dict[str, str] = {}
        self._folder = "/"
        self._context = context
        self._earlier = earlier
        self._extra = extra  # variables that only the test wants
        for instruction, rest in stage.instructions:
            self._carry_out(instruction, rest)

    def command(self, instruction: str) -> list[str]:
        """The words of ENTRYPOINT, CMD or HEALTHCHECK, which has to be a list; none where it isn't there."""
        found = re.search(r"\[.*\]$", self.noted.get(instruction, ""))
        return json.loads(found[0]) if found else []

    def _carry_out(self, instruction: str, rest: str) -> None:
        if instruction == "RUN":
            self._run(rest)
        elif instruction == "COPY":
            *sources, target = rest.split()
            for source in sources:
                self._copy(source, target)
        elif instruction == "WORKDIR":
            self._folder = rest
            self.system.path(rest).mkdir(parents=True, exist_ok=True)
        elif instruction == "ENV":
            self.environment |= dict(pair.split("=", 1) for pair in rest.split())
        elif instruction in NOTED:
            self.noted[instruction] = rest
        else:
            raise AssertionError(f"what {instruction} means isn't known here")

    def _run(self, rest: str) -> None:
        if found := re.match(r"--mount=(\S+)\s+", rest):
            mount = dict(part.split("=", 1) for part in found[1].split(","))
            assert mount.keys() == {"type", "from", "source", "target"} and mount["type"] == "bind", found[1]
            self.system.bind(self._earlier[mount["from"]].system.path(mount["source"]), mount["target"])
            rest = rest[found.end() :]
        script = f"cd {self._folder} && {{ {rest}; }}"
        self.system.run("sh", "-c", script, environment=self.environment | self._extra)
        if found:
            subprocess.run(["umount", self.system.path(mount["target"])], check=True)
            self.system.path(mount["target"]).rmdir()

    def _copy(self, source: str, target: str) -> None:
        to = self.system.path(str(Path(self._folder, target)))
        if (self._context / source).is_dir():
            names = shutil.ignore_patterns(*ignored((self._context / ".dockerignore").read_text("utf-8")))
            shutil.copytree(self._context / source, to, ignore=names, dirs_exist_ok=True)
            return
        if target.endswith("/"):
            to = to / Path(source).name
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(self._context / source, to)


def build(stages: list[Stage], context: Path, prepare) -> Built:
    """The last stage. `prepare` is called for each stage's system and gives the variables that its commands see."""
    built: dict[str, Built] = {}
    for stage in stages:
        assert stage.image == "debian:12-slim", f"{stage.image} isn't what the clean system stands for"
        system = Chroot(f"image-{stage.name}")
        built[stage.name] = Built(stage, system, context, built, prepare(stage, system))
    return built[stages[-1].name]
