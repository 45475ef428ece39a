{# USES_VARIABLES { _synaptic_pre, _synaptic_post, N_incoming, N_outgoing, N } #}
{# WRITES_TO_READ_ONLY_VARIABLES { _synaptic_pre, _synaptic_post, N_incoming, N_outgoing, N } #}
{# Make all-to-all synapses. DENSE_INDICES is decided when the project is written: whether any code
   that is not this package's reads indices. #}
{% extends 'common_synapses.cpp' %}
{% set _dense = owner.rectangle %}

{% block maincode %}
    const size_t _count = size_t({{_dense.rows}})*{{_dense.columns}};
    {{_dynamic_N_outgoing}}.resize({{_dense.pre_stop}});
    {{_dynamic_N_incoming}}.resize({{_dense.post_stop}});
    for (size_t _cell = {{_dense.pre_start}}; _cell < {{_dense.pre_stop}}; _cell++)
        {{_dynamic_N_outgoing}}[_cell] = {{_dense.columns}};
    for (size_t _cell = {{_dense.post_start}}; _cell < {{_dense.post_stop}}; _cell++)
        {{_dynamic_N_incoming}}[_cell] = {{_dense.rows}};
    {% for name in owner._registered_variables | variables_to_array_names(access_data=False) | sort %}
    {{name}}.resize(_count);
    {% endfor %}
    if (%DENSE_INDICES%)
    {
        {{_dynamic__synaptic_pre}}.resize(_count);
        {{_dynamic__synaptic_post}}.resize(_count);
        for (size_t _idx = 0; _idx < _count; _idx++)
        {
            {{_dynamic__synaptic_pre}}[_idx] = {{_dense.pre_start}} + _idx / {{_dense.columns}};
            {{_dynamic__synaptic_post}}[_idx] = {{_dense.post_start}} + _idx % {{_dense.columns}};
        }
    }
    {{N}} = _count;
{% endblock %}
