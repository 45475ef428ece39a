{# What the loops over dense synapses share. #}
{% extends 'common_synapses.cpp' %}

{% block extra_headers %}
{{ super() }}
// compilers do not trust the restrict of a local pointer
#if defined(__clang__)
#define DENSE_FREE _Pragma("clang loop vectorize(assume_safety)")
#elif defined(__GNUC__)
#define DENSE_FREE _Pragma("GCC ivdep")
#else
#define DENSE_FREE
#endif
{% endblock %}
