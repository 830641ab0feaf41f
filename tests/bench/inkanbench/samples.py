"""Small sums over samples."""
import statistics


def median(samples, name=None):
    return statistics.median(s[name] for s in samples) if name else statistics.median(samples)


def percentile(values, percent):
    """The nearest-rank percentile."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]


def where(samples, **wanted):
    return [s for s in samples if all(s.get(name) == value for name, value in wanted.items())]


def values_of(samples, name):
    """The different values, in the order of their first appearance."""
    return list(dict.fromkeys(s[name] for s in samples if name in s))
