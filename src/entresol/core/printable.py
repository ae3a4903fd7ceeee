"""Text from files, clients and the environment as one line that a terminal or a log may be shown."""


def printable(text: str) -> str:
    r"""The text with everything that is not to be seen as an escape: `\n`, `\x1b`, `\u202e`.

    So no line end makes a second log line, and no control sequence reaches a terminal. Lone surrogates, as file names
    that are not UTF-8 hold, are escaped, too: every encoding can write the result.
    """
    return text if text.isprintable() else "".join([_shown(character) for character in text])


def _shown(character: str) -> str:
    return character if character.isprintable() else character.encode("unicode_escape").decode("ascii")
