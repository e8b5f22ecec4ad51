r"""Characters beyond ASCII in a form that every LaTeX prints, with no package beside those of the table."""

# ruff: noqa: RUF001 - these characters are the subject

import unicodedata


def _pairs(text: str) -> dict[str, str]:
    words = text.split()
    return dict(zip(words[::2], words[1::2], strict=True))


_MATHS = _pairs(r"""
    → \to ← \leftarrow ↔ \leftrightarrow ↑ \uparrow ↓ \downarrow ⇒ \Rightarrow ⇐ \Leftarrow ⇔ \Leftrightarrow ↦ \mapsto
    ≈ \approx ≠ \neq ≤ \leq ≥ \geq ≡ \equiv ∼ \sim ≃ \simeq ∝ \propto ≪ \ll ≫ \gg − - ± \pm ∓ \mp × \times ÷ \div
    · \cdot ⋅ \cdot ∘ \circ ∗ \ast ⊕ \oplus ⊗ \otimes ∞ \infty √ \surd ∑ \sum ∏ \prod ∫ \int ∂ \partial ∇ \nabla
    ∈ \in ∉ \notin ⊂ \subset ⊆ \subseteq ∪ \cup ∩ \cap ∅ \emptyset ∀ \forall ∃ \exists ¬ \neg ∧ \wedge ∨ \vee ⊥ \perp
    ∥ \parallel ℓ \ell ′ ' ″ '' ° ^\circ ★ \star • \bullet ✓ \surd ✗ \times ½ 1/2 ¼ 1/4 ¾ 3/4
    ∆ \Delta ϵ \epsilon ϕ \phi ϑ \vartheta ς \varsigma
""")
_TEXTS = _pairs(r"""
    – -- — --- ‐ - ‑ - ‘ ` ’ ' “ `` ” '' … \ldots{} ß \ss{} æ \ae{} Æ \AE{} œ \oe{} Œ \OE{} ø \o{} Ø \O{} ł \l{} Ł \L{}
    ı \i{} ¡ !` ¿ ?` © \copyright{} £ \pounds{} ¶ \P{}
""")
_ACCENTS = dict(
    zip("\u0300\u0301\u0302\u0303\u0304\u0306\u0307\u0308\u030a\u030b\u030c\u0323\u0327", "`'^~=u.\"rHvdc", strict=True)
)
# Greek letters by the last word of their Unicode name; capitals that look like Latin ones have no command.
_GREEK = _pairs(r"""
    alpha A beta B gamma \Gamma delta \Delta epsilon E zeta Z eta H theta \Theta iota I kappa K lambda \Lambda
    mu M nu N xi \Xi omicron O pi \Pi rho P sigma \Sigma tau T upsilon \Upsilon phi \Phi chi X psi \Psi omega \Omega
""")


def symbol_tex(character: str) -> str:
    r"""Return a character in LaTeX: a command, or its Unicode name in brackets if there is none.

    Args:
        character: One character; one of ASCII stays as it is.

    >>> print(*map(symbol_tex, "τ→é☃"))
    $\tau$ $\to$ \'{e} [snowman]
    """
    if character.isascii():
        return character
    if character in _MATHS:
        return f"${_MATHS[character]}$"
    name = unicodedata.name(character, f"U+{ord(character):04X}").lower()
    return _TEXTS.get(character) or _greek(character) or _composed(character) or f"[{name}]"


def _greek(character: str) -> str:
    plain = unicodedata.normalize("NFKD", character)[:1]
    *kind, name = unicodedata.name(plain, "").lower().replace("lamda", "lambda").split() or [""]
    if name not in _GREEK or kind not in (["greek", "small", "letter"], ["greek", "capital", "letter"]):
        return ""
    if "small" in kind:
        return "o" if name == "omicron" else rf"$\{name}$"
    return _GREEK[name] if len(_GREEK[name]) == 1 else f"${_GREEK[name]}$"


def _composed(character: str) -> str:
    """Return a letter with its accent, a raised or lowered character, or one that means the same as plain ones."""
    form, _, rest = unicodedata.decomposition(character).rpartition(">")
    parts = [chr(int(code, 16)) for code in rest.split()]
    plain = "".join(parts)
    if not form and len(parts) == 2 and parts[0].isascii() and parts[0].isalpha() and parts[1] in _ACCENTS:
        return rf"\{_ACCENTS[parts[1]]}{{{parts[0]}}}"
    if not form or not plain.isascii() or not plain.replace(" ", "a").isalnum():
        return ""
    return {"<super": f"$^{{{plain}}}$", "<sub": f"$_{{{plain}}}$"}.get(form, plain)
