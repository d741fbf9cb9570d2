"""The Dockerfile, carried out in clean systems; then what the image would run is run.

Where the machine has ccache, compiling is spared by what it knows: the tree that is built is the same one.
"""

import os
import shutil
import subprocess
import unittest
from pathlib import Path

from chroot import Chroot
from dockerfile import Stage, build, parse

TREE = Path(__file__).resolve().parents[3]
DOCKERFILE = TREE / "tools/deploy/Dockerfile"


def use_ccache(stage: Stage, system: Chroot) -> dict[str, str]:
    if stage.name != "build" or shutil.which("ccache") is None:
        return {}
    known = subprocess.run(["ccache", "--get-config", "cache_dir"], check=True, capture_output=True, text=True)
    system.run("apt-get", "update")
    system.run("apt-get", "install", "--yes", "--no-install-recommends", "ccache")
    system.bind(Path(known.stdout.strip()), "/var/cache/ccache")
    # What was compiled for the tests had the same relative paths, and spoke the same language.
    language = {name: os.environ[name] for name in ("LANG", "LC_ALL", "LC_MESSAGES") if name in os.environ}
    return language | {"CMAKE_CXX_COMPILER_LAUNCHER": "ccache", "CCACHE_DIR": "/var/cache/ccache",
                       "CCACHE_NOHASHDIR": "1", "CCACHE_BASEDIR": "/src"}


class DockerfileTest(unittest.TestCase):
    def test_every_step_works_and_what_it_makes_serves_as_its_user(self) -> None:
        stages = parse(DOCKERFILE.read_text("utf-8"))
        image = build(stages, TREE, use_ccache)
        user = image.noted["USER"]
        self.assertRegex(user, r"^[1-9]\d*:[1-9]\d*$")
        self.assertEqual(image.noted["STOPSIGNAL"], "SIGTERM")
        program, *rest = image.command("ENTRYPOINT") + image.command("CMD")
        with image.system.server([f"/usr/bin/{program}", *rest], user, image.environment) as beside:
            self.assertEqual(beside(*image.command("HEALTHCHECK")), (0, "PONG"))
            self.assertEqual(beside("kv-cli", "set", "a", "1"), (0, "OK"))
            self.assertIn('"0.0.0.0:6380"', beside("kv-cli", "info", "server")[1])
        self.assertTrue(list(image.system.path(image.noted["VOLUME"]).glob("data/wal-*.log")))
        for unwanted in ("/src", "/packages", "/usr/bin/g++"):
            self.assertFalse(image.system.path(unwanted).exists(), unwanted)
