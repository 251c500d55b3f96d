"""Mutants of kernels: wide arithmetic, decimals in and out, text. A wrong bit here is a wrong figure everywhere."""

from typing import Final

from tests.mutants.mutant import Mutant

__all__ = ["MUTANTS"]

WIDE: Final = "kernels/wide.py"
CHANGE: Final = "kernels/change.py"
TEXT_OUT: Final = "kernels/decimal_text.py"
DECIMAL_IN: Final = "kernels/decimal_read.py"
TEXT_IN: Final = "kernels/text_read.py"
UTF8: Final = "kernels/utf8.py"
SYMBOLS: Final = "kernels/symbols.py"
NAMES: Final = "kernels/names.py"

MUTANTS: Final = (
    Mutant(
        "wide-add-carry",
        WIDE,
        "carry = out + (ONE if s1 < carry else ZERO)",
        "carry = out",
        "a quote volume loses 2**128 units when a limb is full",
    ),
    Mutant(
        "wide-divide-equal",
        WIDE,
        "(r_hi == d_hi and r_lo >= d_lo)",
        "(r_hi == d_hi and r_lo > d_lo)",
        "a vwap that comes out even is one unit too low",
    ),
    Mutant(
        "wide-divide-borrow",
        WIDE,
        "r_hi -= d_hi + (ONE if r_lo < d_lo else ZERO)\n                r_lo -= d_lo",
        "r_hi -= d_hi\n                r_lo -= d_lo",
        "a vwap of a wide volume is wrong",
    ),
    Mutant(
        "wide-root-equal",
        WIDE,
        "(r_hi == t_hi and r_lo >= t_lo)",
        "(r_hi == t_hi and r_lo > t_lo)",
        "the deviation of a square number is too low",
    ),
    Mutant(
        "wide-multiply-one-wide",
        WIDE,
        "if a_hi == ZERO and b_hi == ZERO:",
        "if a_hi == ZERO or b_hi == ZERO:",
        "a price times a size beyond 2**64 units loses its upper part",
    ),
    Mutant(
        "wide-multiply-carry",
        WIDE,
        "carry2 += ONE if sum1 < limb1 else ZERO",
        "carry2 += ZERO",
        "a quote volume of wide numbers loses 2**128 units",
    ),
    Mutant(
        "wide-subtract-borrow",
        WIDE,
        "borrow = out | (ONE if d < borrow else ZERO)",
        "borrow = out",
        "a deviation is enormous where a limb comes out even",
    ),
    Mutant(
        "wide-scale-carry",
        WIDE,
        "return r0, r1, r2, r3, high + (ONE if r3 < low else ZERO)",
        "return r0, r1, r2, r3, high",
        "a deviation of the greatest prices is wrong",
    ),
    Mutant(
        "change-borrow",
        CHANGE,
        "- np.uint64(row.previous_close_hi) - borrow",
        "- np.uint64(row.previous_close_hi)",
        "a change across 2**64 units is off by 1.8 billion",
    ),
    Mutant(
        "change-percent-ties-up",
        CHANGE,
        "or (half and (q_lo & _U1) == _U1)",
        "or half",
        "a percentage between two digits is rounded up, not to even",
    ),
    Mutant(
        "change-percent-guess",
        CHANGE,
        "if _less(hi, lo, part_hi, part_lo):",
        "if False:",
        "a percentage whose first guess is too high is wrong",
    ),
    Mutant(
        "change-percent-sign",
        CHANGE,
        "    hi, lo = _times(hi, lo, _TEN)\n    if negative:",
        "    hi, lo = _times(hi, lo, _TEN)\n    if False:",
        "a loss is shown as a gain",
    ),
    Mutant(
        "text-trailing-zeros",
        TEXT_OUT,
        "while value % _U10 == _U0:",
        "if value % _U10 == _U0:",
        "equal numbers have different texts: 0.5 and 0.50",
    ),
    Mutant(
        "text-least-integer",
        TEXT_OUT,
        "~np.uint64(np.int64(value)) + _U1",
        "~np.uint64(np.int64(value))",
        "negative integers are off by one",
    ),
    Mutant(
        "text-negative-carry",
        TEXT_OUT,
        "(high + _U1 if lo == _U0 else high)",
        "high",
        "a change of minus 2**64 units is shown as 0",
    ),
    Mutant(
        "text-wide-zero-limb",
        TEXT_OUT,
        "if l2 != _U0 or rest != _U0:",
        "if l2 != _U0:",
        "a quote volume with an empty limb loses digits",
    ),
    Mutant(
        "text-wide-whole",
        TEXT_OUT,
        "        at = _put_fixed(buffer, at, group, 10)\n    else:",
        "        pass\n    else:",
        "ten digits of a wide number are missing",
    ),
    Mutant(
        "read-scale-down-exact",
        DECIMAL_IN,
        "exact = exact and lower % divisor == U(0)",
        "exact = lower % divisor == U(0)",
        "digits beyond the tenth place are cut off in silence",
    ),
    Mutant(
        "read-ties-up",
        DECIMAL_IN,
        "(cut == 5 and (rest or lo & U(1) == U(1)))",
        "cut == 5",
        "a price between two units is rounded up, not to even",
    ),
    Mutant(
        "read-limit-of-scale",
        DECIMAL_IN,
        "(hi == limit_hi and lo >= limit_lo)",
        "(hi == limit_hi and lo > limit_lo)",
        "10**18 is taken at some scales",
        explained="What is let through here is 10**18 exactly. It comes out as the limit itself, which the check "
        "behind the multiplication refuses; the first check only keeps the product within its words.",
    ),
    Mutant(
        "read-limit",
        DECIMAL_IN,
        "(hi == _LIMIT_HI and lo >= _LIMIT_LO)",
        "(hi == _LIMIT_HI and lo > _LIMIT_LO)",
        "10**18 is taken, which no column holds",
    ),
    Mutant(
        "read-negative-carry",
        DECIMAL_IN,
        "hi = ~hi + U(lo == U(0))",
        "hi = ~hi",
        "minus 2**64 units are read as something else",
    ),
    Mutant(
        "read-double-proof",
        DECIMAL_IN,
        "digits / _FLOAT_POWERS[places] != size",
        "False",
        "a double that has more digits is taken for its first fifteen",
    ),
    Mutant(
        "read-float-whole",
        DECIMAL_IN,
        "if size >= 2.0**24:",
        "if size >= 2.0**34:",
        "a float's whole number has wrong last digits",
    ),
    Mutant(
        "read-double-rounded",
        DECIMAL_IN,
        "> 0.5 - product * 2.0**-50 - 1e-6",
        "> 0.5",
        "a double near a tie is rounded the wrong way",
    ),
    Mutant(
        "number-second-word",
        TEXT_IN,
        "        hi += U(lo < second)",
        "        hi += U(0)",
        "a price of 20 digits is off by 1.8 billion",
    ),
    Mutant(
        "number-greatest",
        TEXT_IN,
        "digits + exponent > 18",
        "digits + exponent >= 18",
        "the greatest prices are refused",
    ),
    Mutant("number-least", TEXT_IN, "or exponent < -10:", "or exponent <= -10:", "a tenth decimal place is refused"),
    Mutant("number-inner-zeros", TEXT_IN, "zeros += digits > 0", "zeros += digits > 1", "105 is read as 15"),
    Mutant(
        "number-rounded-rest",
        TEXT_IN,
        "rest |= digit > U(0)",
        "rest |= False",
        "a price just above a tie is rounded down",
    ),
    Mutant(
        "number-rounded-said",
        TEXT_IN,
        "(cut > 0 or rest) else reason",
        "cut > 0 else reason",
        "a rounded price isn't counted as rounded",
    ),
    Mutant(
        "number-exponent-sign",
        TEXT_IN,
        "return -exponent if negative else exponent, True",
        "return exponent, True",
        "1e-3 is read as 1000",
    ),
    Mutant(
        "utf8-overlong",
        UTF8,
        "1 if 0xC2 <= first <= 0xDF",
        "1 if 0xC0 <= first <= 0xDF",
        "a record passes whose text stops a sink later",
    ),
    Mutant(
        "utf8-surrogates",
        UTF8,
        "most = 0x9F if first == 0xED",
        "most = 0xBF if first == 0xED",
        "a record passes whose text stops a sink later",
    ),
    Mutant(
        "utf8-last-plane",
        UTF8,
        "else 0x8F if first == 0xF4",
        "else 0xBF if first == 0xF4",
        "a record passes whose text stops a sink later",
    ),
    Mutant(
        "utf8-cut",
        UTF8,
        "if more == 0 or more > stop - at:",
        "if more == 0 or more > stop - at + 1:",
        "a letter that is cut at its end passes",
    ),
    Mutant(
        "symbol-of-64",
        SYMBOLS,
        "return length <= LENGTH_MAX and",
        "return length < LENGTH_MAX and",
        "a symbol of 64 letters is refused",
    ),
    Mutant(
        "symbol-of-64-wide-letters",
        SYMBOLS,
        "stop - at > 4 * LENGTH_MAX",
        "stop - at >= 4 * LENGTH_MAX",
        "a symbol of 64 letters of four bytes is refused",
    ),
    Mutant(
        "symbol-unseen-edge",
        SYMBOLS,
        "_LOWS[place] <= point",
        "_LOWS[place] < point",
        "a symbol passes that can't be seen",
    ),
    Mutant(
        "names-by-their-beginning",
        NAMES,
        "pool_ends[index + 1] - start == length and same_bytes",
        "same_bytes",
        "two symbols become one where one begins like the other and their hashes meet",
    ),
)
