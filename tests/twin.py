"""The oracle of the spiking circuit, which the benchmark measures too."""

from fwp_neuro.benchmarks.numpy_twin import Circuit, drug, learned, learning_rate, twin

__all__ = ["Circuit", "drug", "learned", "learning_rate", "twin"]
