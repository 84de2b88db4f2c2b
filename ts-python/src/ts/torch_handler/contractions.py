"""English contractions and what they stand for."""

from __future__ import annotations


def _contractions() -> dict[str, str]:
    table = {
        "ain't": "is not",
        "aren't": "are not",
        "can't": "cannot",
        "couldn't": "could not",
        "didn't": "did not",
        "doesn't": "does not",
        "don't": "do not",
        "hadn't": "had not",
        "hasn't": "has not",
        "haven't": "have not",
        "isn't": "is not",
        "mightn't": "might not",
        "mustn't": "must not",
        "needn't": "need not",
        "oughtn't": "ought not",
        "shan't": "shall not",
        "sha'n't": "shall not",
        "shouldn't": "should not",
        "wasn't": "was not",
        "weren't": "were not",
        "won't": "will not",
        "wouldn't": "would not",
        "'cause": "because",
        "'tis": "it is",
        "'twas": "it was",
        "could've": "could have",
        "i'm": "i am",
        "let's": "let us",
        "ma'am": "madam",
        "might've": "might have",
        "must've": "must have",
        "o'clock": "of the clock",
        "should've": "should have",
        "so've": "so have",
        "to've": "to have",
        "will've": "will have",
        "would've": "would have",
        "y'all": "you all",
        "how'd": "how did",
        "why've": "why have",
        "what've": "what have",
        "when've": "when have",
        "where'd": "where did",
        "where've": "where have",
        "can't've": "cannot have",
    }
    for word in ("you", "we", "they"):
        table[f"{word}'re"] = f"{word} are"
    for word in ("i", "you", "we", "they"):
        table[f"{word}'ve"] = f"{word} have"
    for word in ("i", "you", "he", "she", "it", "we", "they"):
        table[f"{word}'d"] = f"{word} would"
        table[f"{word}'d've"] = f"{word} would have"
    for word in ("i", "you", "he", "she", "it", "we", "they", "that", "there", "what", "who"):
        table[f"{word}'ll"] = f"{word} will"
        table[f"{word}'ll've"] = f"{word} will have"
    for word in ("he", "she", "it", "that", "there", "what", "when", "where", "who", "why", "how"):
        table[f"{word}'s"] = f"{word} is"
    for verb in ("could", "had", "might", "must", "need", "ought", "should", "would"):
        table[f"{verb}n't've"] = f"{verb} not have"
    table["won't've"] = "will not have"
    return table


CONTRACTION_MAP: dict[str, str] = _contractions()
"""From a contraction, in lower case, to its expansion. Short forms stand before longer ones."""
