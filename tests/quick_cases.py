"""How many cases of costly tests run by default, evenly spaced; the slow set has all.

A law over all rules, models or options costs minutes where each case runs a circuit or a
compiler. By default some of its cases run, as many as took less than about three seconds
together in one run of the suite; none of a few that play a rare fault (a full disk, a
killed worker). With ``-k NAME`` or ``FILE::NAME`` all cases run that are asked for. The
oracles of the rules in double precision and of their forms without a compiler run in all
cases by default.
"""

from __future__ import annotations

import pytest

#: test file -> test -> cases that are kept; none of a few long ones
KEPT = {
    "test_apply_arguments.py": {
        "test_nothing_in_gives_nothing_out": 10,
    },
    "test_apply_traced.py": {
        "test_every_form_traces_as_one_graph": 2,
        "test_traces_as_one_graph": 2,
    },
    "test_bcpnn.py": {
        "test_brian2_text_is_the_oracle": 1,
        "test_event_form_is_the_oracle_at_the_last_spike": 0,
    },
    "test_behavioural_time_scale.py": {
        "test_brian2_text_is_the_oracle": 4,
    },
    "test_benchmark.py": {
        "test_memory_is_measured_in_a_process_of_its_own": 0,
    },
    "test_benchmark_circuits.py": {
        "test_hand_written_loops_are_right": 1,
        "test_nest_gives_the_weights_of_the_pair_rule": 0,
        "test_networks_of_brian2_are_right": 2,
    },
    "test_builds.py": {
        "test_a_program_gives_what_numpy_gives": 1,
    },
    "test_cascades.py": {
        "test_a_rate_of_zero_stands_still": 0,
        "test_networks_set_freeze_and_change_steps_as_in_the_text": 2,
        "test_sums_give_the_numbers_of_every_integrator": 2,
    },
    "test_characterise.py": {
        "test_a_hebbian_toy_is_hebb": 1,
        "test_an_expected_gain_of_poisson_trains": 0,
        "test_pair_stdp_writes_by_volleys_and_not_by_rates": 0,
        "test_scaling_of_columns_or_rows_stores_nothing": 0,
    },
    "test_clopath_2010.py": {
        "test_brian2_text_tends_to_the_oracle_in_proportion_to_the_step": 1,
    },
    "test_compose.py": {
        "test_a_conductance_without_a_unit_counts_in_openings_of_one_spike": 1,
        "test_a_delay_holds_for_what_is_transmitted_or_is_refused": 1,
        "test_a_gate_of_the_synapse_opens_by_the_release_whoever_brings_it": 0,
        "test_a_loaded_projection_adds_its_conductance_to_the_cells_again": 1,
        "test_a_part_of_a_group_may_meet_the_whole": 1,
        "test_a_release_scales_what_a_rule_sends_to_its_own_cell": 0,
        "test_compositions_transmit_in_both_layouts": 1,
    },
    "test_cuda_emulated.py": {
        "test_cuda_computes_what_cpp_computes": 0,
    },
    "test_cuda_generated.py": {
        "test_a_cuda_project_is_generated": 14,
    },
    "test_dense.py": {
        "test_no_model_of_the_package_needs_index_vectors": 2,
        "test_the_hand_written_loop_simulates_the_reference_network": 2,
    },
    "test_derivatives.py": {
        "test_auto_has_second_derivatives": 38,
    },
    "test_devices.py": {
        "test_generate_writes_a_cuda_project": 1,
        "test_generate_writes_spiking_projects": 2,
    },
    "test_devices_lock.py": {
        "test_an_error_of_ours_is_not_called_one_of_brian2": 2,
        "test_the_first_run_of_a_process_may_be_in_a_thread": 0,
        "test_threads_give_what_one_after_the_other_gives": 1,
    },
    "test_devices_state.py": {
        "test_nothing_of_the_user_changes": 6,
    },
    "test_divisive.py": {
        "test_sequences_of_other_lengths_run_side_by_side": 1,
        "test_without_spikes_the_circuit_divides_as_its_cells_do_at_rest": 1,
    },
    "test_drugs.py": {
        "test_ap5_stops_every_write": 1,
        "test_ap5_without_a_memory_leaves_exactly_nothing": 1,
        "test_cnqx_at_reading_silences_reads_and_leaves_the_weights": 1,
        "test_cnqx_at_writing_does_not_touch_hebb": 1,
        "test_cnqx_washed_out_for_the_last_read": 0,
        "test_half_a_block_of_nmda_halves_a_hebbian_write": 1,
        "test_half_a_block_of_nmda_is_sublinear_in_delta": 1,
        "test_spikes_agree_with_the_closed_forms": 1,
        "test_the_circuits_own_closed_forms": 1,
        "test_two_drugs_bind_independently": 1,
    },
    "test_eligibility.py": {
        "test_a_modulator_turns_eligibility_into_weight_as_the_closed_form_says": 5,
    },
    "test_factorised.py": {
        "test_factorised_text_is_its_numpy_oracle": 2,
        "test_long_runs_are_renewed_in_time": 1,
        "test_same_courses": 1,
        "test_same_trajectories": 1,
        "test_same_trajectories_where_writes_do_not_wait": 1,
        "test_which_writes_wait_for_presynaptic_spikes": 21,
        "test_writes_wait_wherever_statements_stand": 3,
    },
    "test_factorised_networks.py": {
        "test_cells_are_as_they_were_after_a_mistake": 1,
        "test_same_trajectories_with_a_delay_given_to_connect": 1,
    },
    "test_figures_claims.py": {
        "test_claim": 1,
        "test_figures_say_what_is_shown": 1,
    },
    "test_figures_runner.py": {
        "test_a_changed_model_simulates_again_what_uses_it": 1,
        "test_a_figure_does_not_depend_on_what_the_one_before_it_loaded": 0,
        "test_data_without_a_record_of_their_code_are_not_used": 0,
        "test_only_a_changed_simulation_runs_again": 1,
        "test_other_versions_simulate_again": 0,
    },
    "test_figures_trained.py": {
        "test_a_hybrid_that_writes_at_once_learns_parity_and_a_delayed_one_does_not": 0,
        "test_parity_is_learned_with_write_strengths_up_to_two_only": 0,
    },
    "test_finding_things.py": {
        "test_long_calls_show_their_bar": 0,
    },
    "test_fit_command.py": {
        "test_the_command_of_the_readme_runs_in_a_process_of_its_own": 0,
    },
    "test_fitting_intervals.py": {
        "test_intervals_hold_the_truth_as_often_as_they_say": 1,
    },
    "test_fitting_texts.py": {
        "test_a_composition_is_fitted_to_pairings_by_its_rule": 0,
        "test_a_composition_is_fitted_to_release_data_as_its_release_is": 0,
        "test_a_fit_by_text_is_the_fit_by_the_fast_form": 0,
        "test_a_registered_synapse_of_ones_own_is_fitted_by_its_name": 0,
        "test_a_text_that_is_changed_under_a_published_name_is_fitted_by_itself": 0,
        "test_releases_of_sets_are_those_of_the_fast_form": 1,
        "test_sets_side_by_side_are_those_one_by_one_and_those_of_the_fast_form": 1,
    },
    "test_former_names.py": {
        "test_the_line_that_imports_a_former_name_is_told_the_new_one": 0,
    },
    "test_forms.py": {
        "test_a_rule_without_matrix_products_says_why_and_runs_otherwise": 1,
        "test_strong_decays_neither_overflow_nor_lose_digits": 3,
        "test_the_compiled_form_equals_the_step_in_readout_state_and_gradients": 8,
    },
    "test_generic.py": {
        "test_error_falls_with_the_number_of_cells": 1,
        "test_every_other_rule_runs": 1,
        "test_feedback_must_be_asked_for": 1,
        "test_heads_are_independent": 0,
        "test_longer_windows_average_more_spikes": 0,
        "test_regular_cells_leave_little_error": 1,
        "test_seed": 0,
    },
    "test_graupner_brunel.py": {
        "test_brian2_text_without_noise_is_the_exact_course": 2,
    },
    "test_half_precision.py": {
        "test_memories": 21,
        "test_networks": 3,
        "test_rules_over_4096_tokens": 4,
    },
    "test_held_writes.py": {
        "test_parity_without_spikes": 0,
    },
    "test_initial_states.py": {
        "test_artificial_in_every_form": 21,
        "test_rate_circuit_by_events": 3,
        "test_rate_circuit_of_low_rank": 1,
        "test_spiking_circuit_starts_from_every_state": 1,
        "test_what_no_run_can_start_from_is_refused_in_a_sentence": 40,
    },
    "test_kept_programs.py": {
        "test_a_kept_program_gives_what_one_of_its_own_gives": 1,
        "test_equal_structures_have_one_source_and_others_another": 1,
    },
    "test_kernels.py": {
        "test_equals_the_step_form": 1,
        "test_single_precision": 1,
    },
    "test_layers.py": {
        "test_a_layer_is_causal": 6,
        "test_the_programme_of_a_layer_gives_its_read_out": 2,
    },
    "test_layers_traced.py": {
        "test_a_compiled_layer_carries_on_from_any_state": 2,
        "test_a_rule_compiles_after_sympy_has_forgotten_its_names": 1,
        "test_compiled_streaming_of_memories_that_count_tokens": 1,
        "test_compiles_ahead_of_time": 1,
        "test_compiles_as_one_graph": 1,
        "test_every_form_compiles_as_one_graph": 1,
        "test_exports_with_any_batch": 0,
        "test_gradients_of_every_sample_at_once": 19,
        "test_more_tokens_than_fit_are_nan_where_a_trace_cannot_refuse_them": 0,
        "test_random_features_are_drawn_once_and_not_in_a_trace": 0,
        "test_the_state_counts_the_tokens_wherever_it_is_made": 1,
    },
    "test_loaded_code.py": {
        "test_a_main_script_counts_as_far_as_workers_run_it": 0,
        "test_a_process_that_has_loaded_other_code_is_told": 0,
        "test_a_sweep_computes_again_what_is_of_other_code": 0,
        "test_a_sweep_goes_on_after_its_project_has_moved_and_on_other_executors": 0,
        "test_what_child_processes_load_counts": 0,
    },
    "test_local_write_runs.py": {
        "test_ap5_stops_the_anti_hebbian_write_and_cnqx_the_read": 0,
        "test_the_circuit_is_that_of_the_model_which_connect_makes_on_the_same_seed": 1,
    },
    "test_local_writes.py": {
        "test_cells_that_find_their_operating_point_lose_nothing_to_its_spread": 1,
        "test_mean_rates_run_the_delta_rule": 3,
        "test_the_network_of_regular_cells_is_the_numpy_form": 1,
    },
    "test_low_rank.py": {
        "test_a_typed_rule": 4,
        "test_equals_the_algebra_with_heads": 13,
        "test_programs_of_tasks_bring_names_of_their_own": 1,
    },
    "test_match_and_control.py": {
        "test_a_small_task_runs": 0,
    },
    "test_memories.py": {
        "test_whole_sequence_is_two_halves_with_carried_state": 48,
    },
    "test_memories_gradients.py": {
        "test_gradients_equal_finite_differences": 6,
    },
    "test_models.py": {
        "test_an_interrupted_main_job_ends_in_one_sentence_and_writes_nothing": 0,
        "test_warnings_on_the_command_line_are_plain_and_said_once": 0,
    },
    "test_mongillo.py": {
        "test_a_short_run_has_the_synaptic_state_of_its_spikes": 0,
    },
    "test_neuro_formats.py": {
        "test_a_recording_without_time_is_refused": 1,
    },
    "test_own_code.py": {
        "test_the_package_of_the_function_counts_also_if_it_is_installed": 0,
    },
    "test_packaging.py": {
        "test_rules_can_be_called_whatever_was_imported": 0,
    },
    "test_plastic_ports.py": {
        "test_a_named_variable_is_what_the_model_reads": 1,
        "test_cells_with_a_voltage_of_their_own_get_none_silently": 1,
    },
    "test_plastic_saving.py": {
        "test_a_run_goes_on_from_a_file_and_from_what_was_stored": 4,
        "test_records_are_the_same_in_every_layout": 0,
        "test_spikes_on_their_way_frozen_synapses_and_values_that_vary": 1,
    },
    "test_plastic_twice.py": {
        "test_two_projections_of_a_model_learn_the_same": 5,
    },
    "test_plastic_varying.py": {
        "test_each_synapse_has_the_states_of_a_network_with_its_parameters": 1,
        "test_parameters_that_follow_from_two_sides_are_those_of_each_pair": 1,
        "test_values_belong_to_the_cells_that_they_are_given_for": 1,
    },
    "test_plotting.py": {
        "test_a_supplement_is_drawn_beside_the_picture": 0,
    },
    "test_point_spine.py": {
        "test_ap5_prevents_every_write_exactly": 1,
        "test_brian2_text_is_its_filters": 1,
    },
    "test_potentiation.py": {
        "test_a_hebbian_memory_stores_two_items_that_share_presynaptic_cells": 1,
        "test_brian2_text_is_its_oracle": 2,
    },
    "test_prepared.py": {
        "test_a_prepared_circuit_runs_again_and_again": 1,
        "test_the_project_of_a_circuit_is_of_the_network_that_runs": 9,
    },
    "test_protocols.py": {
        "test_the_text_gives_the_curve_of_the_fast_form": 2,
    },
    "test_public_arguments.py": {
        "test_bad_values_are_refused_in_one_sentence": 13,
        "test_the_usual_call_is_right": 7,
    },
    "test_published_synapses.py": {
        "test_a_synapse_of_ones_own_starts_where_it_says": 0,
        "test_pair_stdp_named_alone_is_read_out_through_ampa_and_says_so": 1,
        "test_the_project_of_a_circuit_of_published_synapses_is_written": 0,
    },
    "test_published_traces.py": {
        "test_every_name_is_recorded_in_its_unit": 1,
    },
    "test_rate.py": {
        "test_a_typed_rule_runs_as_a_circuit": 4,
        "test_an_ampa_lag_is_mapped_too": 2,
        "test_equals_the_artificial_network": 7,
        "test_event_dynamics_equal_the_artificial_network_with_heads": 12,
        "test_factored_writes_equal_the_artificial_network_with_heads": 13,
        "test_held_predictions_equal_the_artificial_network": 26,
        "test_whole_sequence_is_two_halves_with_carried_weights": 1,
    },
    "test_readme.py": {
        "test_the_examples_of_a_page_run": 3,
    },
    "test_realism.py": {
        "test_drugs_act_on_every_part": 1,
        "test_equals_the_oracle_without_spikes": 1,
        "test_gains_settle_where_the_cell_is_matched": 0,
        "test_integrate_and_fire_values_add_less_noise_than_poisson_ones": 1,
        "test_recorded_weights_are_what_the_circuit_recalls": 1,
        "test_spikes_of_value_cells_are_those_of_as_many_cells": 1,
        "test_the_calibration_knows_the_shunt_and_the_gate": 2,
    },
    "test_receptors.py": {
        "test_bias_of_the_jump_with_regular_trains": 1,
        "test_brian2_text_is_its_oracle": 1,
    },
    "test_recorded_cells.py": {
        "test_a_circuit_of_a_published_synapse_has_cells_too": 0,
    },
    "test_recorded_traces.py": {
        "test_coarse_samples_are_some_of_the_fine_ones": 1,
        "test_conductances_are_sums_of_weights_and_traces": 5,
        "test_names_dims_and_units": 1,
        "test_recording_more_changes_nothing_else": 1,
        "test_weights_at_token_ends_are_the_snapshots": 1,
    },
    "test_recording_file.py": {
        "test_a_full_disk_ends_no_process": 0,
    },
    "test_recurrent_hopfield.py": {
        "test_recall_fails_beyond_the_capacity": 0,
    },
    "test_recurrent_laws.py": {
        "test_gradients_pass_gradcheck": 11,
    },
    "test_recurrent_traced.py": {
        "test_a_compiled_network_carries_on_from_any_state": 3,
        "test_compiles_as_one_graph": 1,
        "test_exports_with_any_batch": 1,
    },
    "test_registries.py": {
        "test_a_recording_says_what_its_run_used": 2,
    },
    "test_rtrl.py": {
        "test_gradients_are_those_of_back_propagation_through_time": 4,
        "test_online_learning_lowers_the_loss_of_a_delayed_copy": 0,
    },
    "test_rule_synapses.py": {
        "test_continuous_dynamics_are_the_rate_circuit": 6,
        "test_event_dynamics_are_the_rate_circuit": 4,
    },
    "test_rule_synapses_biophysical.py": {
        "test_biophysical_form_is_its_oracle": 5,
        "test_biophysical_form_writes_what_the_spiking_circuit_writes": 1,
    },
    "test_rules_laws.py": {
        "test_equals_the_hand_written_oracle_in_single_precision": 12,
    },
    "test_rules_names.py": {
        "test_names_change_nothing": 2,
        "test_names_change_nothing_in_the_generic_spiking_circuit": 1,
    },
    "test_run_output.py": {
        "test_numbers_carry_units": 9,
    },
    "test_sequence_tasks_recall.py": {
        "test_averaging_memory_loses_more_in_the_setting_of_the_text": 1,
    },
    "test_sequences.py": {
        "test_arrays_with_an_axis_of_sequences_are_a_list_of_programmes": 2,
        "test_more_sequences_than_a_network_takes": 0,
        "test_probes_of_every_shape": 1,
        "test_sequences_of_circuits_are_what_each_is_alone": 1,
        "test_weights_of_sequences_of_unequal_length": 1,
    },
    "test_short_term.py": {
        "test_a_composition_releases_what_its_release_does": 1,
    },
    "test_short_tokens.py": {
        "test_the_circuit_of_short_tokens_is_the_rule_with_what_traces_hold": 3,
    },
    "test_spike_counts.py": {
        "test_counts_in_numpy_are_those_in_c": 3,
    },
    "test_spiking.py": {
        "test_equals_the_twin": 5,
        "test_equals_the_twin_on_the_same_poisson_spikes": 1,
        "test_equals_the_twin_with_drugs": 1,
        "test_equals_the_twin_with_other_constants": 1,
        "test_regular_cells_and_a_tonic_teacher_are_the_twin": 1,
        "test_seed": 1,
        "test_values_beyond_one_are_scaled": 1,
    },
    "test_spiking_laws.py": {
        "test_error_falls_with_the_number_of_cells": 1,
        "test_finer_steps_change_little": 0,
        "test_floor": 1,
        "test_floor_is_the_carried_trace_and_the_curve_of_the_voltage_factor": 1,
        "test_floor_of_oja_for_each_neuron": 0,
        "test_floor_with_decay": 1,
        "test_floor_with_decay_for_each_value_dimension": 0,
        "test_linear_synapse_is_exact_but_for_the_carried_trace": 1,
        "test_longer_silence_lowers_the_floor": 1,
        "test_other_magnesium_blocks_need_no_new_numbers": 1,
        "test_population_of_poisson_cells": 1,
        "test_propagator_calibration_takes_out_the_lag_of_the_loop": 0,
        "test_signed_keys_as_opponents_in_spikes": 1,
        "test_weights_at_every_synapse_are_no_more_biased_than_population_weights": 0,
        "test_weights_of_single_key_cells": 1,
    },
    "test_sweep.py": {
        "test_a_partial_function_and_its_values_count": 0,
        "test_a_worker_without_the_folder_sends_the_file": 0,
        "test_an_executor_that_loses_points_is_asked_a_bounded_number_of_times": 0,
        "test_points_in_threads_run_one_after_another": 0,
        "test_the_file_of_a_sweep_says_what_it_is_where_a_run_is_needed": 0,
    },
    "test_sweep_dask.py": {
        "test_a_killed_worker_loses_nothing_that_was_saved": 1,
    },
    "test_sweep_faults.py": {
        "test_a_bad_option_of_the_command_is_one_sentence": 4,
        "test_a_disk_that_is_full_in_fact": 0,
        "test_a_full_disk_is_one_sentence_and_the_sweep_goes_on_later": 0,
        "test_a_grid_beyond_all_bounds_is_refused_with_its_size": 4,
        "test_a_lock_that_is_held_stays": 0,
        "test_the_folders_of_killed_workers_are_removed": 0,
        "test_what_killed_processes_left_is_removed_by_the_next_sweep": 0,
    },
    "test_sweep_processes.py": {
        "test_a_broken_pool_of_the_users_ends_the_sweep_with_what_there_is": 0,
        "test_a_point_that_kills_its_workers_is_given_up": 0,
        "test_a_script_that_would_sweep_in_every_worker_is_told": 0,
        "test_a_sweep_that_was_killed_goes_on_where_it_was": 0,
        "test_files_that_change_while_a_sweep_runs_are_not_computed_with": 0,
        "test_two_sweeps_in_one_folder_share_the_work": 0,
        "test_what_a_point_starts_and_leaves_ends_with_the_sweep": 1,
        "test_workers_that_cannot_start_are_one_sentence": 0,
    },
    "test_synapse_models.py": {
        "test_halving_dt_changes_a_write_by_less_than_a_hundredth": 1,
        "test_its_brian2_text_runs_and_stays_finite": 1,
        "test_stdp_curves_are_finite_and_shaped_like_their_lags": 3,
        "test_without_nmda_receptors_nothing_is_written_at_all": 1,
    },
    "test_synapses.py": {
        "test_both_layouts_of_it_do_the_same": 1,
        "test_errors_call_the_gate_as_the_user_does": 1,
        "test_it_can_be_composed": 1,
        "test_it_is_the_delta_rule_of_the_circuit_between_any_cells": 1,
    },
    "test_synapses_arguments.py": {
        "test_absurd_protocols_end_or_are_refused": 7,
    },
    "test_training.py": {
        "test_an_interrupted_training_goes_on_bit_for_bit": 4,
    },
    "test_training_checkpoints.py": {
        "test_a_part_that_is_missing_or_odd_is_named": 6,
        "test_the_next_save_removes_what_a_killed_one_left": 0,
    },
    "test_triplet.py": {
        "test_brian2_text_is_the_oracle": 7,
    },
    "test_user_rules.py": {
        "test_a_typed_rule_runs_in_every_realisation": 1,
    },
    "test_validate.py": {
        "test_a_synapse_of_ones_own_brings_its_targets": 0,
        "test_every_model_meets_its_published_numbers": 4,
    },
    "test_weight_recording.py": {
        "test_what_is_kept_changes_nothing_else": 1,
    },
    "test_working_memory_models.py": {
        "test_cues_complete_encoded_patterns_only": 0,
    },
}


def mark_repeats(items) -> None:
    """Mark the cases that do not run by default as slow."""
    families: dict[tuple[str, str], list] = {}
    for item in items:
        file, test = item.path.name, getattr(item, "originalname", "")
        if test in KEPT.get(file, {}) and item.get_closest_marker("slow") is None:
            families.setdefault((file, test), []).append(item)
    for (file, test), those in families.items():
        many = min(KEPT[file][test], len(those))
        chosen = {n * len(those) // many for n in range(many)}
        for n, item in enumerate(those):
            if n not in chosen:
                item.add_marker(pytest.mark.slow)
