"""`slicer.i18n`: no translation, but what is passed is checked to be translatable and noted."""

marked_texts = set()  # every text that passed through tr() or translate()


def tr(text):
    """Mark a text for translation; an f-string's value would be another text every time, so only str passes."""
    if not isinstance(text, str):
        raise TypeError(f"only a literal text can be translated, not {text!r}")
    marked_texts.add(text)
    return text


def translate(context, text):
    return tr(text)
