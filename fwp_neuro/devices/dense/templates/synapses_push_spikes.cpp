{# USES_VARIABLES { _n_sources, _n_targets, delay, _source_dt } #}
{# Queue the spiking cells themselves: each cell stands for one entry of Brian2's queue, which keeps
   its delays and what is under way between two runs. #}
{% extends 'common_group.cpp' %}

{% block before_code %}
    {% set _delay = get_array_name(variables['delay'], access_data=False) %}
    std::vector<int32_t> _cells;
    for (int32_t _cell = {{owner.source.start}}; _cell < {{owner.source.stop}}; _cell++)
        _cells.push_back(_cell);
    {{owner.name}}.prepare({{constant_or_scalar('_n_sources', variables['_n_sources'])}},
                           {{constant_or_scalar('_n_targets', variables['_n_targets'])}},
                           &{{_delay}}[0], 1, _cells.data(), _cells.size(), {{_source_dt}});
{% endblock %}

{% block maincode %}
    {% set _events = get_array_name(eventspace_variable) %}
    {{owner.name}}.advance();
    {{owner.name}}.push({{_events}}, {{_events}}[_num{{eventspace_variable.name}} - 1]);
{% endblock %}
