import re

import pytest

from ftlab.reporting.writers.latex_numbers import escape_tex


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("τ", r"$\tau$"),
        ("0.07 → 0.2", r"0.07 $\to$ 0.2"),
        ("≈ 5", r"$\approx$ 5"),
        ("Δλ", r"$\Delta$$\lambda$"),
        ("µ", r"$\mu$"),
        ("\N{GREEK CAPITAL LETTER ALPHA}", "A"),
        ("ς \N{GREEK SMALL LETTER OMICRON} ϵ", r"$\varsigma$ o $\epsilon$"),
        ("naïve Müller", r"na\"{i}ve M\"{u}ller"),
        ("e\u0301", r"\'{e}"),
        ("x² ± 3 ≤ ∞", r"x$^{2}$ $\pm$ 3 $\leq$ $\infty$"),
        ("10\N{MINUS SIGN}3", "10$-$3"),
        ("a — b…", r"a --- b\ldots{}"),
        ("a\u00a0b", "a b"),
        ("½", "$1/2$"),
        ("ﬁ", "fi"),
        ("☃ 中", "[snowman] [cjk unified ideograph-4e2d]"),
        ("100 % & $", r"100 \% \& \$"),
    ],
)
def test_symbols_reach_latex_in_a_form_that_it_prints(text: str, expected: str) -> None:
    assert escape_tex(text) == expected


def test_every_character_becomes_ascii_with_balanced_braces() -> None:
    for code in [*range(0xA0, 0x3000), *range(0x1F300, 0x1F600)]:
        found = escape_tex(f"a{chr(code)}b")
        assert found.isascii(), hex(code)
        assert found.count("{") - found.count(r"\{") == found.count("}") - found.count(r"\}")
        assert len(re.findall(r"(?<!\\)\$", found)) % 2 == 0
