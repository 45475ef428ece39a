// Thrust: its vectors are those of the standard library, and so are its algorithms.
#pragma once
#include "threads.h"

namespace thrust {

template <class T>
struct host_vector : std::vector<T> {
    using std::vector<T>::vector;
    host_vector() = default;
    template <class U>
    host_vector(const std::vector<U>& other) : std::vector<T>(other.begin(), other.end()) {}
    template <class U>
    host_vector& operator=(const std::vector<U>& other) {
        this->assign(other.begin(), other.end());
        return *this;
    }
};
template <class T>
using device_vector = host_vector<T>;

template <class T>
struct device_ptr {
    T* at;
    explicit device_ptr(T* at = nullptr) : at(at) {}
    operator T*() const { return at; }
};
template <class T>
T* raw_pointer_cast(T* pointer) { return pointer; }
template <class T>
T* raw_pointer_cast(T& element) { return &element; }

using std::copy;
using std::fill;
using std::pair;
struct system_error : std::exception {};

template <class T, class Test>
long count_if(device_ptr<T> from, T* to, Test test) { return std::count_if((T*)from, to, test); }
template <class T, class Out, class Test>
Out copy_if(device_ptr<T> from, T* to, Out out, Test test) {
    return std::copy_if((T*)from, to, out, test);
}
template <class Iterator>
void sequence(Iterator from, Iterator to) {
    std::iota(from, to, typename std::iterator_traits<Iterator>::value_type(0));
}
template <class Key, class Value>
void sort_by_key(Key from, Key to, Value values) {
    const std::vector<typename std::iterator_traits<Key>::value_type> keys(from, to);
    const std::vector<typename std::iterator_traits<Value>::value_type> old(
        values, values + keys.size());
    std::vector<size_t> rank(keys.size());
    std::iota(rank.begin(), rank.end(), size_t(0));
    std::stable_sort(rank.begin(), rank.end(), [&](size_t a, size_t b) { return keys[a] < keys[b]; });
    for (size_t n = 0; n < rank.size(); ++n) from[n] = keys[rank[n]], values[n] = old[rank[n]];
}
template <class Key, class Value>
std::pair<Key, Value> unique_by_key(Key from, Key to, Value values) {
    if (from == to) return {from, values};
    Key last = from;
    Value kept = values;
    for (++from, ++values; from != to; ++from, ++values)
        if (!(*from == *last)) *++last = *from, *++kept = *values;
    return {++last, ++kept};
}

}  // namespace thrust
