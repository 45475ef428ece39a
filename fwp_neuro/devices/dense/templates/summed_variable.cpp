{# A sum over dense synapses for each cell, row by row. #}
{% extends 'dense_common.cpp' %}
{% set _dense = owner.rectangle %}
{% set _target = get_array_name(_target_var) %}
{% set _over_rows = _index_var is sameas owner.variables['_synaptic_post'] %}

{% block maincode %}
    {% set _size = constant_or_scalar(_target_size_name, variables[_target_size_name]) %}
    for (int32_t _cell = 0; _cell < {{_size}}; _cell++)
        {{_target}}[_cell + {{_target_start}}] = 0;

    // scalar code
    const size_t _vectorisation_idx = -1;
    {{scalar_code|autoindent}}

    for (int32_t _line = 0; _line < {{_dense.rows}}; _line++)
    {
        const int32_t _dense_pre = _line + {{_dense.pre_start}};
        const size_t _row = size_t(_line)*{{_dense.columns}};
        {% if _over_rows and dense_row_free and _target not in dense_read %}
        DENSE_FREE
        {% endif %}
        for (int32_t _column = 0; _column < {{_dense.columns}}; _column++)
        {
            const int32_t _dense_post = _column + {{_dense.post_start}};
            const size_t _idx = _row + _column;
            const size_t _vectorisation_idx = _idx;
            {{vector_code|autoindent}}
            {{_target}}[{{ '_dense_post' if _over_rows else '_dense_pre' }}] += _synaptic_var;
        }
    }
{% endblock %}
