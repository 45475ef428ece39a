{# One pathway of all-to-all synapses, stored row by row (a row: all synapses of one presynaptic cell).

   `pathway` queues cells here, not synapses; the code of the model takes both cells' numbers from
   _dense_pre and _dense_post instead of index vectors. #}
{% extends 'dense_common.cpp' %}
{% set _dense = owner.rectangle %}

{% block maincode %}
    // scalar code
    const size_t _vectorisation_idx = -1;
    {{scalar_code|autoindent}}

    const std::vector<int> &_cells = *{{pathway.name}}.peek();
    const size_t _num_cells = _cells.size();
    if (_num_cells == 0) return;

    {% if pathway.prepost == 'pre' %}
    for (size_t _cell = 0; _cell < _num_cells; _cell++)
    {
        const int32_t _dense_pre = _cells[_cell] + {{_dense.pre_start}};
        const size_t _row = size_t(_cells[_cell])*{{_dense.columns}};
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
    {% else %}
    // a block of rows stays in the nearest cache while all columns of this step pass over it;
    // where the order can be seen (random numbers, state of cells), one block is all rows
    const int32_t _block = {{ 64 if dense_any_order else _dense.rows }};
    for (int32_t _first = 0; _first < {{_dense.rows}}; _first += _block)
    {
        const int32_t _last = std::min(_first + _block, {{_dense.rows}});
        for (size_t _cell = 0; _cell < _num_cells; _cell++)
        {
            const int32_t _dense_post = _cells[_cell] + {{_dense.post_start}};
            const size_t _column = _cells[_cell];
            {% if dense_column_free %}
            DENSE_FREE
            {% endif %}
            for (int32_t _line = _first; _line < _last; _line++)
            {
                const int32_t _dense_pre = _line + {{_dense.pre_start}};
                const size_t _idx = size_t(_line)*{{_dense.columns}} + _column;
                const size_t _vectorisation_idx = _idx;
                {{vector_code|autoindent}}
            }
        }
    }
    {% endif %}
{% endblock %}
