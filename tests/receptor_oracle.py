"""The biophysical form of a rule, step by step in NumPy."""

import numpy as np

GAIN, REST = 0.25, 0.5  # conductance of 1, excitation that a cell has anyway


def block(volts):
    """Jahr & Stevens 1990 at 1 mM."""
    return 1 / (1 + np.exp(-0.062 * 1e3 * volts) / 3.57)


def rest(number):
    """Voltage of a compartment at rest under the excitation that codes a number."""
    return (-70e-3 + GAIN * number * 0.0) / (1 + GAIN * number)


def slope():
    """Change of the block with the number, where the excitation is ``REST``."""
    volts = rest(REST)
    steep = 62 * block(volts) * (1 - block(volts))  # 1/V
    return steep * GAIN * (0 - -70e-3) / (1 + GAIN * REST) ** 2


def walk(
    keys,
    teachers,
    w,
    dt,
    *,
    compare,
    gate,
    decay,
    eta,
    inhibition=1.0,
    w0=1.0,
    leak=1.0,
    teacher_voltage=None,
):
    """Return weights [step, pre, post], voltages [step, post] and apical ones.

    Args:
        keys, teachers: spikes [step, cell].
        w: [pre, post] at the start.
        dt: seconds; gate, decay: 1/s, [step, 1]; eta: 1 / slope().
    """
    tau_ampa, tau_nmda, tau_teacher, tau_m, rate = 5e-3, 50e-3, 5e-3, 10e-3, 100.0
    leak_v, exc = -70e-3, 0.0

    def relaxed(v, g):  # one exponential step of dV/dt = (E_l - V + g (E_e - V))/tau
        end, speed = (leak_v + g * exc) / (1 + g), (1 + g) / tau_m
        return end + (v - end) * np.exp(-speed * dt)

    def kick(tau):
        return (1 - np.exp(-dt / tau)) / (rate * dt)

    post = w.shape[1]
    x, g, teacher = np.zeros(len(w)), np.zeros(post), np.full(post, REST)
    v = apical = np.full(post, rest(REST))
    weights, volts, apicals = [], [], []
    for n in range(len(keys)):
        if teacher_voltage is not None:
            apical = teacher_voltage[n]
        error = (block(apical) - block(v if compare else rest(REST))) * eta
        written = gate[n] * x[:, None] * error
        w = w0 + (w - w0) * np.exp(-decay[n] * dt) + written * dt
        v, apical = relaxed(v, GAIN * REST + g / leak), relaxed(apical, GAIN * teacher)
        g, x, teacher = (
            g * np.exp(-dt / tau_ampa),
            x * np.exp(-dt / tau_nmda),
            teacher * np.exp(-dt / tau_teacher),
        )
        sent = keys[n][:, None] * (np.clip(w, 0, 2 * w0) - inhibition * w0)
        g = g + leak * GAIN * kick(tau_ampa) * sent.sum(0)
        x = x + keys[n] * kick(tau_nmda)
        teacher = teacher + teachers[n] * kick(tau_teacher)
        weights.append(w), volts.append(v), apicals.append(apical)
    return np.array(weights), np.array(volts), np.array(apicals)
