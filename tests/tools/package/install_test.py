"""The Debian package in a clean system: what it installs, whether the service runs, and what is left when it goes.

The environment's KV_PACKAGES names the folder of the package.
"""

import os
import stat
import tomllib
import unittest
from pathlib import Path

from chroot import Chroot

CONFIG = "/etc/kv-server/kv-server.toml"
STATE = "/var/lib/kv-server"
ENABLED = "/etc/systemd/system/multi-user.target.wants/kv-server.service"

# What other packages' tools write in passing; and the user, which stays.
NOT_OURS = ("proc", "tmp", "var/cache", "var/log", "var/lib/dpkg", "etc/.pwd.lock")
USER_FILES = ("passwd", "group", "shadow", "gshadow")
NOT_OURS += tuple(f"etc/{name}{suffix}" for name in USER_FILES for suffix in ("", "-"))


def the_package() -> Path:
    (package,) = Path(os.environ["KV_PACKAGES"]).glob("kv-server_*.deb")
    return package


def service_setting(unit: str, name: str) -> str:
    (value,) = [line.removeprefix(f"{name}=") for line in unit.splitlines() if line.startswith(f"{name}=")]
    return value


class PackageTest(unittest.TestCase):
    """One life of the package; its steps are in their order."""

    @classmethod
    def setUpClass(cls) -> None:
        cls.system = Chroot("install")
        system = cls.system
        system.bind(the_package().parent, "/tmp/packages")
        cls.deb = f"/tmp/packages/{the_package().name}"
        system.run("apt-get", "update")
        depends = system.run("dpkg-deb", "--field", cls.deb, "Depends").strip()
        # The systemd of a chroot has nothing to start.
        system.run("apt-get", "install", "--yes", "--no-install-recommends", "systemd-standalone-sysusers")
        system.run("apt-get", "satisfy", "--yes", "--no-install-recommends", depends)
        cls.before = cls.files()

    @classmethod
    def files(cls) -> set[str]:
        found = set()
        for folder, folders, names in os.walk(cls.system.root):
            inside = os.path.relpath(folder, cls.system.root)
            folders[:] = [name for name in folders if os.path.normpath(f"{inside}/{name}") not in NOT_OURS]
            found |= {os.path.normpath(f"{inside}/{name}") for name in folders + names}
        return {f"/{name}" for name in found if name not in NOT_OURS}

    def owner(self, path: str) -> str:
        return self.system.run("stat", "--format=%U:%G %a", path).strip()

    def serve(self):
        unit = self.system.path("/usr/lib/systemd/system/kv-server.service").read_text("utf-8")
        words = service_setting(unit, "ExecStart").split()
        return self.system.server(words, f"{service_setting(unit, 'User')}:{service_setting(unit, 'Group')}")

    def test_1_dpkg_installs_it(self) -> None:
        self.system.run("dpkg", "--install", self.deb)
        for program in ("kv-server", "kv-cli", "kv-wal"):
            self.assertRegex(self.system.run(program, "--version"), rf"^{program} \d")
        self.assertIn("--preload", self.system.run("kv-bench", "--help"))
        self.assertTrue(self.system.path(ENABLED).is_symlink())
        self.assertEqual(self.owner(STATE), "kv-server:kv-server 750")
        self.assertEqual(self.owner(CONFIG), "root:root 644")
        self.assertEqual(self.system.run("getent", "passwd", "kv-server").split(":")[5:],
                         [STATE, "/usr/sbin/nologin\n"])

    def test_2_its_files_are_roots_and_nobody_elses_to_write(self) -> None:
        listed = self.system.run("dpkg", "--listfiles", "kv-server").split()
        self.assertGreater(len(listed), 20)
        documents = "/usr/share/doc/kv-server"
        self.assertLessEqual({f"{documents}/operations.md", f"{documents}/formats/wal.md",
                              f"{documents}/examples/alerts.yml"}, set(listed))
        for path in listed:
            found = self.system.path(path).lstat()
            mode = 0 if stat.S_ISLNK(found.st_mode) else stat.S_IMODE(found.st_mode)
            self.assertEqual((found.st_uid, found.st_gid, mode & 0o7022), (0, 0, 0), path)

    def test_3_the_service_keeps_what_it_was_given(self) -> None:
        with self.serve() as beside:
            self.assertEqual(beside("kv-cli", "set", "greeting", '"hello"'), (0, "OK"))
            self.assertEqual(beside("kv-cli", "backup", f"{STATE}/backups/one")[0], 0)
        data = tomllib.loads(self.system.path(CONFIG).read_text("utf-8"))["data-dir"]
        self.assertEqual(self.owner(data), "kv-server:kv-server 700")
        self.system.run("kv-wal", "verify", data)
        with self.serve() as beside:
            self.assertEqual(beside("kv-cli", "get", "greeting"), (0, '"hello"'))

    def test_4_an_upgrade_keeps_the_settings(self) -> None:
        config = self.system.path(CONFIG)
        config.write_text(config.read_text("utf-8").replace('#log-format = "text"', 'log-format = "json"'), "utf-8")
        self.system.run("dpkg", "--install", self.deb)
        self.assertIn('\nlog-format = "json"\n', config.read_text("utf-8"))

    def test_5_removing_keeps_settings_and_data(self) -> None:
        self.system.run("dpkg", "--remove", "kv-server")
        self.assertFalse(self.system.path("/usr/bin/kv-server").exists())
        self.assertTrue(self.system.path(CONFIG).exists())
        self.assertTrue(any(self.system.path(f"{STATE}/data").glob("wal-*.log")))

    def test_6_purging_leaves_nothing_but_backups(self) -> None:
        self.system.run("dpkg", "--purge", "kv-server")
        left = self.files() - self.before
        backups = {path for path in left if path.startswith(f"{STATE}/backups/one")}
        self.assertTrue(backups)
        self.assertEqual(left - backups, {STATE, f"{STATE}/backups"})
