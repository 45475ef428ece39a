# TEMPORARY until kernels land
def why_not(rule, dtype, device):
    try:
        from .kernels import why_not as f
    except ImportError:
        return "the kernels are not there yet"
    return f(rule, dtype, device)


def run(*a):
    from .kernels import run as f

    return f(*a)
