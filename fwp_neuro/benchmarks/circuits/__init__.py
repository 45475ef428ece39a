"""Benchmark of plastic circuits: events per second, bytes a synapse, builds, a plan for
scaling."""
