"""Brian2 circuits that run a fast-weight programme: rate circuits and spiking
circuits."""

from ..lazy_names import lazy_names

_NAMES = {
    "AP5": "drugs",
    "CNQX": "drugs",
    "Drug": "drugs",
    "ConductanceInhibition": "spiking.realism",
    "Heterogeneity": "spiking.realism",
    "Homeostasis": "spiking.realism",
    "Neuromodulator": "spiking.realism",
    "Plastic": "plastic.plastic_synapses",
    "RATE": "rate.rate_circuit",
    "RateOptions": "rate.rate_circuit",
    "Realism": "spiking.realism",
    "SPIKING": "spiking.spiking_circuit",
    "SpikingOptions": "spiking.spiking_circuit",
    "SpikingValues": "spiking.realism",
    "Timeline": "token_schedule",
    "connect": "plastic.connecting",
    "error_budget": "spiking.error_budget",
    "generate": "standalone",
    "ladder": "spiking.ladder",
    "program_of_spikes": "spike_sources",
    "spike_source": "spike_sources",
    "with_traces_left": "spiking.short_tokens",
}

__all__ = list(_NAMES)
__getattr__, __dir__ = lazy_names(__name__, _NAMES)
