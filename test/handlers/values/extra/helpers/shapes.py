from . import words


def describe(text):
    return words.WORDS[text]
