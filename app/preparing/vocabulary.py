"""A vocabulary learned from texts: characters, words, or the pieces of byte-pair encoding (Sennrich et al. 2016).

Token 0 fills texts up, 1 stands for what is unknown; the others follow by how often they occur, equal ones by alphabet.
"""

from collections import Counter
from collections.abc import Iterable, Sequence

from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers

from app.specs.steps import RESERVED_TOKENS, Tokens

FILLER, UNKNOWN = "[PAD]", "[UNK]"
_MAX_DISTINCT = 2_000_000  # words that are counted at once; beyond, the rarest are forgotten
_TRAINED_BYTES = 64 << 20  # of text that byte-pair encoding is learned from


class Builder:
    """Counts what texts are made of."""

    def __init__(self, tokens: Tokens) -> None:
        self._how = tokens
        self._counts: Counter[str] = Counter()
        self._texts: list[str] = []
        self._num_bytes = 0
        self._cutter = _cutter(tokens)
        self._normalizer = normalizers.Lowercase() if tokens.lowercase else None
        self._finished: str | None = None

    def add(self, texts: Sequence[str]) -> None:
        """More texts."""
        if self._how.level == "bpe":
            for text in texts:
                if self._num_bytes < _TRAINED_BYTES:
                    self._texts.append(text)
                    self._num_bytes += len(text)
            return
        for text in texts:
            self._counts.update(self._cut(text))
        if len(self._counts) > _MAX_DISTINCT:
            self._counts = Counter(dict(self._counts.most_common(_MAX_DISTINCT // 2)))

    def finish(self) -> str:
        """The tokenizer as JSON of the tokenizers library. No more texts may come."""
        if self._finished is None:
            self._finished = self._made()
        return self._finished

    def _made(self) -> str:
        if self._how.level == "bpe":
            return str(self._byte_pairs(self._texts).to_str())
        ranked = sorted(self._counts.items(), key=lambda item: (-item[1], item[0]))
        kept = [word for word, _ in ranked[: self._how.vocabulary_size - RESERVED_TOKENS]]
        vocabulary = {word: i for i, word in enumerate([FILLER, UNKNOWN, *kept])}
        found = Tokenizer(models.WordLevel(vocabulary, unk_token=UNKNOWN))
        self._dress(found)
        return str(found.to_str())

    def _cut(self, text: str) -> list[str]:
        if self._normalizer is not None:
            text = self._normalizer.normalize_str(text)
        return [piece for piece, _ in self._cutter.pre_tokenize_str(text)]

    def _byte_pairs(self, texts: Iterable[str]) -> Tokenizer:
        found = Tokenizer(models.BPE(unk_token=UNKNOWN))
        self._dress(found)
        trainer = trainers.BpeTrainer(
            vocab_size=self._how.vocabulary_size,
            special_tokens=[FILLER, UNKNOWN],
            limit_alphabet=max(1, self._how.vocabulary_size - RESERVED_TOKENS),
            show_progress=False,
        )
        found.train_from_iterator(texts, trainer)
        return found

    def _dress(self, tokenizer: Tokenizer) -> None:
        tokenizer.pre_tokenizer = self._cutter
        if self._normalizer is not None:
            tokenizer.normalizer = self._normalizer


def _cutter(tokens: Tokens) -> pre_tokenizers.PreTokenizer:
    if tokens.level == "characters":
        return pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
    return pre_tokenizers.Whitespace()  # words, and runs of punctuation
