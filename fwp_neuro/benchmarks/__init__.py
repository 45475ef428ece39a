"""Benchmarks: times and memory of the package's own forms beside what a user would use
instead."""
