"""Embeddings: unit vectors in which texts that share words lie close together."""

import hashlib
import math
import re


def vector_of(text: str, size: int) -> list[float]:
    """A unit vector of `size` numbers: the sum of one pseudo-random vector a word."""
    total = [0.0] * size
    for word in re.findall(r"\w+", text.lower()) or [""]:
        seed = hashlib.sha256(word.encode()).digest()
        for index in range(size):
            if index % 32 == 0 and index:
                seed = hashlib.sha256(seed).digest()
            total[index] += seed[index % 32] / 127.5 - 1.0
    norm = math.sqrt(sum(number * number for number in total)) or 1.0
    return [round(number / norm, 7) for number in total]
