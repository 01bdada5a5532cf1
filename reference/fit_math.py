"""Computes the polynomial coefficients of the vector math module and prints them as Rust constants.

Run:   python reference/fit_math.py          (needs only mpmath: pip install mpmath)

Each function is approximated by a polynomial that minimises the largest weighted error on an interval. The weight turns
the error of the polynomial into the relative error of the function's result. The minimax polynomial is found with the
Remez exchange in 60-digit arithmetic. Coefficients are then rounded to f32 one at a time, lowest order first: after a
coefficient is rounded it is held fixed and the remaining ones are fitted again, so that they absorb its rounding error.

The output gives, for every polynomial, a Rust constant with the coefficients lowest order first, and the largest
relative error that the rounded polynomial causes in the result when it is evaluated without rounding errors. The unit
of that error, 2^-24, is half an ulp of a result just above a power of two. The two-part constants for ln 2 are printed
as well.
"""

import struct

from mpmath import mp, mpf

mp.dps = 60

# Number of points at which errors are evaluated, and limit on the exchanges of one fit.
GRID = 1200
ROUNDS = 30

# Degrees of the polynomials, and the points where the Rust functions change from one formula to the other.
EXP_DEGREE = 4
LOG1P_DEGREE = 7
LOG1P_LOW = "0.75"
TANH_DEGREE = 4
TANH_SPLIT = "0.625"
ERF_SMALL_DEGREE = 5
ERF_LARGE_DEGREE = 6
ERF_SPLIT = "0.875"
ERF_ONE = "4"


def to_f32(value):
    """Returns the f32 nearest to value, as an mpf. The value is rounded to f64 first."""
    return mpf(struct.unpack("<f", struct.pack("<f", float(value)))[0])


def shortest(value):
    """Returns the shortest decimal string that reads back as the same f32, in Rust syntax."""
    for digits in range(1, 12):
        text = f"{float(value):.{digits}g}"
        if to_f32(mpf(text)) == value:
            break
    mantissa, _, exponent = text.partition("e")
    if "." not in mantissa and not exponent:
        mantissa += ".0"
    return mantissa + (f"e{int(exponent)}" if exponent else "")


def horner(coefficients, x):
    """Evaluates a polynomial whose coefficients are given lowest order first."""
    total = mpf(0)
    for c in reversed(coefficients):
        total = total * x + c
    return total


class Problem:
    """A weighted approximation problem: target(x) by a polynomial of the given degree on [low, high]."""

    def __init__(self, target, weight, low, high, degree):
        self.degree = degree
        middle, half = (mpf(low) + mpf(high)) / 2, (mpf(high) - mpf(low)) / 2
        # Chebyshev-spaced points, dense towards the ends, where the error oscillates fastest.
        self.points = [middle - half * mp.cos(mp.pi * (i + mpf(1) / 2) / GRID) for i in range(GRID)]
        self.targets = [target(x) for x in self.points]
        self.weights = [weight(x) for x in self.points]

    def errors(self, coefficients):
        """Returns the signed weighted error at every grid point."""
        return [w * (horner(coefficients, x) - t) for x, t, w in zip(self.points, self.targets, self.weights)]

    def remez(self, fixed):
        """Returns the minimax coefficients when the lowest-order ones are held at the values in fixed."""
        first = len(fixed)
        free = self.degree + 1 - first
        # Start from extrema of a Chebyshev polynomial.
        chosen = [round((GRID - 1) * i / free) for i in range(free + 1)]
        best, best_error = None, mp.inf
        for _ in range(ROUNDS):
            matrix = mp.matrix(free + 1, free + 1)
            right = mp.matrix(free + 1, 1)
            for row, i in enumerate(chosen):
                x, w = self.points[i], self.weights[i]
                for column in range(free):
                    matrix[row, column] = w * x ** (first + column)
                matrix[row, free] = (-1) ** row
                right[row] = w * (self.targets[i] - horner(fixed, x))
            solution = mp.lu_solve(matrix, right)
            coefficients = list(fixed) + [solution[i] for i in range(free)]
            errors = self.errors(coefficients)
            worst = max(abs(e) for e in errors)
            if worst < best_error:
                best, best_error = coefficients, worst
            if worst <= abs(solution[free]) * mpf("1.0001"):
                break
            chosen = exchange(errors, free + 1)
            if chosen is None:
                break
        return best

    def rounded(self):
        """Returns the coefficients rounded to f32 one after the other, and the largest weighted error."""
        fixed = []
        while len(fixed) <= self.degree:
            fixed.append(to_f32(self.remez(fixed)[len(fixed)]))
        return fixed, max(abs(e) for e in self.errors(fixed))


def exchange(errors, count):
    """Picks count grid indices where the error peaks with alternating signs; returns None if there are fewer."""
    peaks = []
    for i, e in enumerate(errors):
        if e == 0:
            continue
        if peaks and (errors[peaks[-1]] > 0) == (e > 0):
            if abs(e) > abs(errors[peaks[-1]]):
                peaks[-1] = i
        else:
            peaks.append(i)
    if len(peaks) < count:
        return None
    while len(peaks) > count:
        # Drop the smaller end, which keeps the signs alternating.
        peaks.pop(0 if abs(errors[peaks[0]]) < abs(errors[peaks[-1]]) else -1)
    return peaks


def report(name, text, problem):
    """Fits one problem and prints it as a Rust constant."""
    coefficients, worst = problem.rounded()
    print(f"/// {text}")
    print(f"/// Largest relative error of the result: {float(worst * 2**24):.2g} * 2^-24.")
    print(f"const {name}: [f32; {len(coefficients)}] = [{', '.join(shortest(c) for c in coefficients)}];")


def main():
    ln2 = mp.log(2)
    # The high part has 15 significant bits, so that its product with an integer below 2^9 is exact in f32.
    high = mp.floor(ln2 * 2**15) / 2**15
    print(f"const LN_2_HI: f32 = {shortest(to_f32(high))};")
    print(f"const LN_2_LO: f32 = {shortest(to_f32(ln2 - high))};")

    # A little more than half of ln 2, as rounding x / ln 2 to an integer is not exact.
    reach = ln2 / 2 + mpf("1e-5")
    report(
        "EXP",
        "`(e^r - 1 - r) / r^2` on `[-ln(2)/2, ln(2)/2]`.",
        Problem(lambda r: (mp.expm1(r) - r) / r**2, lambda r: r**2 / mp.exp(r), -reach, reach, EXP_DEGREE),
    )
    report(
        "LOG1P",
        "`(log(1+f) - f + f^2/2) / f^3` on `[-1/4, 1/2]`.",
        Problem(
            lambda f: (mp.log1p(f) - f + f**2 / 2) / f**3,
            lambda f: f**3 / mp.log1p(f),
            mpf(LOG1P_LOW) - 1,
            2 * mpf(LOG1P_LOW) - 1,
            LOG1P_DEGREE,
        ),
    )
    report(
        "TANH",
        f"`(tanh(x)/x - 1) / x^2` in `x^2`, for `x` in `[0, {TANH_SPLIT}]`.",
        Problem(
            lambda t: (mp.tanh(mp.sqrt(t)) / mp.sqrt(t) - 1) / t,
            lambda t: t * mp.sqrt(t) / mp.tanh(mp.sqrt(t)),
            0,
            mpf(TANH_SPLIT) ** 2,
            TANH_DEGREE,
        ),
    )
    report(
        "ERF_SMALL",
        f"`erf(x)/x - 1` in `x^2`, for `x` in `[0, {ERF_SPLIT}]`.",
        Problem(
            lambda t: mp.erf(mp.sqrt(t)) / mp.sqrt(t) - 1,
            lambda t: mp.sqrt(t) / mp.erf(mp.sqrt(t)),
            0,
            mpf(ERF_SPLIT) ** 2,
            ERF_SMALL_DEGREE,
        ),
    )
    report(
        "ERF_LARGE",
        f"`log(1 - erf(x))` for `x` in `[{ERF_SPLIT}, {ERF_ONE}]`.",
        Problem(
            lambda x: mp.log(mp.erfc(x)),
            lambda x: mp.erfc(x) / mp.erf(x),
            ERF_SPLIT,
            ERF_ONE,
            ERF_LARGE_DEGREE,
        ),
    )


if __name__ == "__main__":
    main()
