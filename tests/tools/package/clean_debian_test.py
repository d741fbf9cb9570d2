"""What takes a clean Debian: the package's installation and the Dockerfile."""

import unittest

from chroot import enter_namespaces, make_base

if __name__ == "__main__":
    enter_namespaces()
    make_base()
    unittest.main(module=None, argv=["clean_debian_test.py", "--verbose", "install_test", "dockerfile_test"])
