"""The version of the package, as it was installed."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("fwp_neuro")
except PackageNotFoundError:  # a source tree that was not installed
    __version__ = "0+source"
