"""Texts as the numbers of their tokens."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers

from app.spellings import is_missing


def texts_of(table: pa.Table, name: str) -> list[str]:
    """A column of texts; one that is missing is empty."""
    return [text or "" for text in table[name].cast(pa.string()).to_pylist()]


def words() -> pre_tokenizers.PreTokenizer:
    """Cuts texts into words, and runs of punctuation."""
    return pre_tokenizers.Whitespace()


def characters() -> pre_tokenizers.PreTokenizer:
    """Cuts texts into their characters."""
    return pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")


def lookup_tokenizer(
    texts: Sequence[str], cutter: pre_tokenizers.PreTokenizer, num_tokens: int, *, lowercase: bool
) -> Tokenizer:
    """Knows the most frequent pieces of these texts. 0 fills texts up, 1 is unknown."""
    lower = normalizers.Lowercase().normalize_str if lowercase else str
    counts = Counter(piece for text in texts for piece, _ in cutter.pre_tokenize_str(lower(text)))
    ranked = sorted(counts, key=lambda piece: (-counts[piece], piece))[: num_tokens - 2]
    vocabulary = {piece: i for i, piece in enumerate(["[PAD]", "[UNK]", *ranked])}
    return _dressed(Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]")), cutter, lowercase=lowercase)


def pair_tokenizer(
    texts: Sequence[str], cutter: pre_tokenizers.PreTokenizer, num_tokens: int, *, lowercase: bool
) -> Tokenizer:
    """Byte-pair encoding (Sennrich et al., 2016) learned from these texts. 0 fills texts up, 1 is unknown."""
    found = _dressed(Tokenizer(models.BPE(unk_token="[UNK]")), cutter, lowercase=lowercase)
    trainer = trainers.BpeTrainer(
        vocab_size=num_tokens,
        special_tokens=["[PAD]", "[UNK]"],
        limit_alphabet=max(1, num_tokens - 2),
        show_progress=False,
    )
    found.train_from_iterator(texts, trainer)
    return found


def _dressed(tokenizer: Tokenizer, cutter: pre_tokenizers.PreTokenizer, *, lowercase: bool) -> Tokenizer:
    tokenizer.pre_tokenizer = cutter
    if lowercase:
        tokenizer.normalizer = normalizers.Lowercase()
    return tokenizer


def tokens_of(tokenizer: Tokenizer, texts: Sequence[str], length: int, keep: str, pad: str) -> NDArray[np.int64]:
    """The numbers of the tokens (N, length): `keep` an end of long texts, `pad` fills short ones at one."""
    found = np.zeros((len(texts), length), np.int64)
    for row, text in zip(found, texts, strict=True):
        ids = tokenizer.encode("" if is_missing(text) else text).ids
        ids = ids[:length] if keep == "start" else ids[-length:]
        row[slice(length - len(ids), None) if pad == "start" else slice(len(ids))] = ids
    return found


def following_tokens_of(
    tokenizer: Tokenizer, texts: Sequence[str], length: int, keep: str, pad: str
) -> NDArray[np.int64]:
    """What comes after each of the tokens that `tokens_of` gives, (N, length); 0 where nothing does."""
    found = np.zeros((len(texts), length), np.int64)
    for row, text in zip(found, texts, strict=True):
        ids = tokenizer.encode("" if is_missing(text) else text).ids
        start = 0 if keep == "start" else max(0, len(ids) - length)
        after = ids[start + 1 : start + 1 + length]
        first = length - min(length, len(ids)) if pad == "start" else 0
        row[first : first + len(after)] = after
    return found
