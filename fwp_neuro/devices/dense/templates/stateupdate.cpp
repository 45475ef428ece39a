{# Code for every dense synapse, row by row. #}
{# ALLOWS_SCALAR_WRITE #}
{% extends 'dense_common.cpp' %}
{% set _dense = owner.rectangle %}

{% block maincode %}
    // scalar code
    const size_t _vectorisation_idx = -1;
    {{scalar_code|autoindent}}

    for (int32_t _line = 0; _line < {{_dense.rows}}; _line++)
    {
        const int32_t _dense_pre = _line + {{_dense.pre_start}};
        const size_t _row = size_t(_line)*{{_dense.columns}};
        {% if dense_row_free %}
        DENSE_FREE
        {% endif %}
        for (int32_t _column = 0; _column < {{_dense.columns}}; _column++)
        {
            const int32_t _dense_post = _column + {{_dense.post_start}};
            const size_t _idx = _row + _column;
            const size_t _vectorisation_idx = _idx;
            {{vector_code|autoindent}}
        }
    }
{% endblock %}
