"""Puts the models, figures and notebooks of a checkout into what is installed.

They stay folders of their own here, and lie in ``fwp_neuro/home`` of a wheel. All else is
in setup.cfg, whose ``package_dir`` could say this too: but then an editable install would
find the package by an import hook instead of by its folder.
"""

from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

HOME = {"models": ("*.py",), "figures": ("*.py",), "notebooks": ("*.py", "*.ipynb")}


class BuildWithScripts(build_py):
    """Build the package, and its home beside it."""

    def run(self):
        """Copy what an installed copy cannot find in a checkout."""
        super().run()
        if self.editable_mode:
            return
        for kind, patterns in HOME.items():
            target = Path(self.build_lib, "fwp_neuro", "home", kind)
            self.mkpath(str(target))
            for pattern in patterns:
                for source in sorted(Path(kind).glob(pattern)):
                    self.copy_file(str(source), str(target / source.name))


setup(cmdclass={"build_py": BuildWithScripts})
