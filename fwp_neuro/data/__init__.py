"""Data that comes with the package; sources and licences are in this folder's
README.md."""
