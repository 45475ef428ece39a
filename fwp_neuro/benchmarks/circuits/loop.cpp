// The reference network of the circuit benchmark, written by hand: what a careful C++ programmer gets
// from one core. The model, in the words of a Brian2 user, is in hand_written.py next to this file.
//
//   loop VARIANT key=value ...     (VARIANT: generic, lean_f64 or lean_f32)
//
// It reads the presynaptic spikes (pairs of int32: step, cell; sorted by step) and the first weights
// (doubles, row = presynaptic cell), and prints one line: seconds of the loop, seconds to set up,
// postsynaptic spikes, and bytes that it grew by.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <map>
#include <string>
#include <vector>

struct Settings {
    std::map<std::string, std::string> text;
    double number(const char *key) const { return std::atof(at(key).c_str()); }
    const std::string &at(const char *key) const {
        auto found = text.find(key);
        if (found == text.end()) {
            std::fprintf(stderr, "%s is not set\n", key);
            std::exit(2);
        }
        return found->second;
    }
};

template <class T> std::vector<T> read(const std::string &path) {
    std::FILE *file = std::fopen(path.c_str(), "rb");
    if (!file) {
        std::fprintf(stderr, "%s cannot be read\n", path.c_str());
        std::exit(2);
    }
    std::fseek(file, 0, SEEK_END);
    std::vector<T> values(std::ftell(file) / sizeof(T));
    std::rewind(file);
    if (std::fread(values.data(), sizeof(T), values.size(), file) != values.size()) std::exit(2);
    std::fclose(file);
    return values;
}

// Doubles of a file, as many as there are values, a block at a time: no second array of them.
template <class T> void fill(const std::string &path, std::vector<T> &values) {
    std::FILE *file = std::fopen(path.c_str(), "rb");
    std::vector<double> block(1 << 15);
    for (size_t done = 0; done < values.size();) {
        const size_t next = std::min(block.size(), values.size() - done);
        if (!file || std::fread(block.data(), sizeof(double), next, file) != next) {
            std::fprintf(stderr, "%s cannot be read\n", path.c_str());
            std::exit(2);
        }
        std::copy(block.begin(), block.begin() + next, values.begin() + done);
        done += next;
    }
    std::fclose(file);
}

template <class T> void write(const std::string &path, const std::vector<T> &values) {
    std::FILE *file = std::fopen(path.c_str(), "wb");
    if (!file || std::fwrite(values.data(), sizeof(T), values.size(), file) != values.size()) {
        std::fprintf(stderr, "%s cannot be written\n", path.c_str());
        std::exit(2);
    }
    std::fclose(file);
}

static double cpu() { return double(std::clock()) / CLOCKS_PER_SEC; }
static long memory(const char *what) {  // bytes; Linux only (getrusage would count the parent's too)
    std::FILE *file = std::fopen("/proc/self/status", "r");
    if (!file) return 0;
    char line[256];
    long kilobytes = 0;
    while (std::fgets(line, sizeof line, file))
        if (std::string(line).compare(0, std::string(what).size(), what) == 0)
            kilobytes = std::atol(line + std::string(what).size());
    std::fclose(file);
    return kilobytes * 1024;
}

template <class real> static inline real clip(real x) {
    return std::min(std::max(x, real(0)), real(1));
}

// ---- postsynaptic cells: conductance LIF, Euler ----------------------------------------------------
template <class real> struct Cells {
    int count, refractory;
    real leak, ampa, nmda, unit_ampa, unit_nmda, rest, reset, magnesium;
    std::vector<real> v, threshold, g_ampa, g_nmda, input;
    std::vector<int> since;
    std::vector<int> spiking;

    Cells(const Settings &s)
        : count(s.number("cells")), refractory(std::lround(s.number("refractory") / s.number("dt"))),
          leak(s.number("dt") / s.number("tau_m")), ampa(1 - s.number("dt") / s.number("tau_ampa")),
          nmda(1 - s.number("dt") / s.number("tau_nmda")), unit_ampa(s.number("unit_ampa")),
          unit_nmda(s.number("unit_nmda")), rest(s.number("v_rest")), reset(s.number("v_reset")),
          magnesium(s.number("magnesium")), v(count, rest), threshold(count), g_ampa(count),
          g_nmda(count), input(count), since(count, 1 << 20) {
        for (int j = 0; j < count; j++)
            threshold[j] = s.number("v_threshold")
                           + s.number("v_spread") * (std::fmod((j + 1) * s.number("golden"), 1.0) - 0.5);
    }

    void step() {
        for (int j = 0; j < count; j++) {
            const real open = 1 / (1 + magnesium / real(3.57) * std::exp(real(-62) * v[j]));
            const real drive = rest - v[j] - v[j] * (unit_ampa * g_ampa[j] + unit_nmda * open * g_nmda[j]);
            since[j]++;
            v[j] += since[j] >= refractory ? leak * drive : real(0);
            g_ampa[j] *= ampa;
            g_nmda[j] *= nmda;
        }
        spiking.clear();
        for (int j = 0; j < count; j++)
            if (v[j] > threshold[j] && since[j] >= refractory) spiking.push_back(j);
    }
    void receive() {  // one sum over the synapses serves both receptors
        for (int j = 0; j < count; j++) {
            g_ampa[j] += input[j];
            g_nmda[j] += input[j];
            input[j] = 0;
        }
    }
    void settle() {
        for (int j : spiking) {
            v[j] = reset;
            since[j] = 0;
        }
    }
};

// ---- all state of a synapse at the synapse, doubles: the textbook form ------------------------------
struct Generic {
    int n;
    double dt, tau_w, tau_stdp, w0, a_pre, a_post;
    std::vector<double> w, apre, apost, last;
    double now = 0;

    Generic(const Settings &s, std::vector<double> first)
        : n(s.number("cells")), dt(s.number("dt")), tau_w(s.number("tau_w")),
          tau_stdp(s.number("tau_stdp")), w0(s.number("w0")), a_pre(s.number("a_pre")),
          a_post(s.number("a_post")), w(std::move(first)), apre(w.size()), apost(w.size()),
          last(w.size()) {}

    void tick(int step) { now = step * dt; }
    void advance(size_t k) {
        const double gap = now - last[k];
        w[k] = w0 + (w[k] - w0) * std::exp(-gap / tau_w);
        apre[k] *= std::exp(-gap / tau_stdp);
        apost[k] *= std::exp(-gap / tau_stdp);
        last[k] = now;
    }
    void pre(const int *cells, int count, double *input) {
        for (int spike = 0; spike < count; spike++)
            for (int j = 0; j < n; j++) {
                const size_t k = size_t(cells[spike]) * n + j;
                advance(k);
                input[j] += w[k];
                w[k] = clip(w[k] + apost[k]);
                apre[k] += a_pre;
            }
    }
    void post(const std::vector<int> &cells) {
        const int block = 64;  // rows, as in Lean: twice as fast as whole rows or columns
        for (int first = 0; first < n; first += block)
            for (int j : cells)
                for (int i = first; i < std::min(first + block, n); i++) {
                    const size_t k = size_t(i) * n + j;
                    advance(k);
                    w[k] = clip(w[k] + apre[k]);
                    apost[k] += a_post;
                }
    }
    std::vector<double> weights(double end) {
        now = end;
        for (size_t k = 0; k < w.size(); k++) advance(k);
        return w;
    }
};

// ---- the weight alone at the synapse; traces and decay since the last spike on the cells ------------
template <class real> struct Lean {
    int n;
    real w0, a_pre, a_post, decay_w, decay_stdp;
    std::vector<real> w, apre, apost, kept_pre, kept_post;

    Lean(const Settings &s, std::vector<real> first)
        : n(s.number("cells")), w0(s.number("w0")), a_pre(s.number("a_pre")),
          a_post(s.number("a_post")), decay_w(std::exp(-s.number("dt") / s.number("tau_w"))),
          decay_stdp(std::exp(-s.number("dt") / s.number("tau_stdp"))), w(std::move(first)),
          apre(n), apost(n), kept_pre(n, 1), kept_post(n, 1) {}

    void tick(int step) {
        if (step == 0) return;
        for (int i = 0; i < n; i++) {
            apre[i] *= decay_stdp;
            apost[i] *= decay_stdp;
            kept_pre[i] *= decay_w;
            kept_post[i] *= decay_w;
        }
    }
    void pre(const int *cells, int count, real *__restrict__ input) {
        const real *__restrict__ kept = kept_post.data();
        const real *__restrict__ trace = apost.data();
        for (int spike = 0; spike < count; spike++) {
            const int i = cells[spike];
            const real mine = kept_pre[i];
            real *__restrict__ row = w.data() + size_t(i) * n;
            for (int j = 0; j < n; j++) {
                const real now = w0 + (row[j] - w0) * std::max(mine, kept[j]);
                input[j] += now;
                row[j] = clip(now + trace[j]);
            }
            apre[i] += a_pre;
            kept_pre[i] = 1;
        }
    }
    void post(const std::vector<int> &cells) {
        if (cells.empty()) return;
        const int block = 64;  // rows that stay in the nearest cache for all columns of this step
        for (int first = 0; first < n; first += block) {
            const int last = std::min(first + block, n);
            for (int j : cells) {
                const real mine = kept_post[j];
                real *__restrict__ column = w.data() + j;
                const real *__restrict__ kept = kept_pre.data();
                const real *__restrict__ trace = apre.data();
#pragma GCC ivdep
                for (int i = first; i < last; i++) {
                    real *place = column + size_t(i) * n;
                    const real now = w0 + (*place - w0) * std::max(mine, kept[i]);
                    *place = clip(now + trace[i]);
                }
            }
        }
        for (int j : cells) {
            apost[j] += a_post;
            kept_post[j] = 1;
        }
    }
    std::vector<double> weights(double) {
        std::vector<double> now(w.size());
        for (int i = 0; i < n; i++)
            for (int j = 0; j < n; j++) {
                const size_t k = size_t(i) * n + j;
                now[k] = w0 + (w[k] - w0) * std::max(kept_pre[i], kept_post[j]);
            }
        return now;
    }
};

template <class real, class Synapses> int simulate(const Settings &s) {
    const int steps = s.number("steps");
    const std::vector<int32_t> pairs = read<int32_t>(s.at("spikes"));
    const double start = cpu();
    const long before = memory("VmRSS:");
    const size_t count = size_t(s.number("cells")) * size_t(s.number("cells"));
    std::vector<real> first(count, s.number("w0"));
    if (s.text.count("w")) fill(s.at("w"), first);
    Synapses synapses(s, std::move(first));
    Cells<real> cells(s);
    std::vector<int> now;
    std::vector<int32_t> out;
    const double ready = cpu();

    size_t next = 0;
    for (int step = 0; step < steps; step++) {
        cells.step();
        synapses.tick(step);
        now.clear();
        for (; next < pairs.size() && pairs[next] == step; next += 2) now.push_back(pairs[next + 1]);
        if (!now.empty()) {
            synapses.pre(now.data(), now.size(), cells.input.data());
            cells.receive();
        }
        synapses.post(cells.spiking);
        for (int j : cells.spiking) {
            out.push_back(step);
            out.push_back(j);
        }
        cells.settle();
    }
    const double done = cpu();
    const long after = memory("VmHWM:");
    if (s.text.count("w_out")) write(s.at("w_out"), synapses.weights((steps - 1) * s.number("dt")));
    if (s.text.count("spikes_out")) write(s.at("spikes_out"), out);
    std::printf("%.6f %.6f %zu %ld\n", done - ready, ready - start, out.size() / 2, after - before);
    return 0;
}

int main(int count, char **words) {
    const std::string variant = count > 1 ? words[1] : "";
    Settings s;
    for (int k = 2; k < count; k++) {
        const std::string word = words[k];
        const size_t cut = word.find('=');
        s.text[word.substr(0, cut)] = cut == std::string::npos ? "" : word.substr(cut + 1);
    }
    if (variant == "generic") return simulate<double, Generic>(s);
    if (variant == "lean_f64") return simulate<double, Lean<double>>(s);
    if (variant == "lean_f32") return simulate<float, Lean<float>>(s);
    std::fprintf(stderr, "variant is one of generic, lean_f64, lean_f32\n");
    return 2;
}
