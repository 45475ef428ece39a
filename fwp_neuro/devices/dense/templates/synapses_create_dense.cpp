{# USES_VARIABLES { _synaptic_pre, _synaptic_post, N_incoming, N_outgoing, N } #}
{# WRITES_TO_READ_ONLY_VARIABLES { _synaptic_pre, _synaptic_post, N_incoming, N_outgoing, N } #}
{# Make all-to-all synapses. DENSE_INDICES is decided when the project is written: whether any code
   outside the pathways (an expression with i or j, a monitor of a cell's variable) reads indices. #}
{% extends 'common_synapses.cpp' %}

{% block maincode %}
    const size_t _count = size_t({{dense.rows}})*{{dense.columns}};
    {{_dynamic_N_outgoing}}.resize({{dense.pre_stop}});
    {{_dynamic_N_incoming}}.resize({{dense.post_stop}});
    for (size_t _cell = {{dense.pre_start}}; _cell < {{dense.pre_stop}}; _cell++)
        {{_dynamic_N_outgoing}}[_cell] = {{dense.columns}};
    for (size_t _cell = {{dense.post_start}}; _cell < {{dense.post_stop}}; _cell++)
        {{_dynamic_N_incoming}}[_cell] = {{dense.rows}};
    {% for name in owner._registered_variables | variables_to_array_names(access_data=False) | sort %}
    {{name}}.resize(_count);
    {% endfor %}
    if (%DENSE_INDICES%)
    {
        {{_dynamic__synaptic_pre}}.resize(_count);
        {{_dynamic__synaptic_post}}.resize(_count);
        for (size_t _idx = 0; _idx < _count; _idx++)
        {
            {{_dynamic__synaptic_pre}}[_idx] = {{dense.pre_start}} + _idx / {{dense.columns}};
            {{_dynamic__synaptic_post}}[_idx] = {{dense.post_start}} + _idx % {{dense.columns}};
        }
    }
    {{N}} = _count;
{% endblock %}
