"""Numbers that stand for things become vectors."""

from typing import ClassVar, Literal

from pydantic import Field

from app.specs.base import Shape
from app.specs.layers.base import Example, Recipe, Weighted


class Embedding(Weighted):
    """A learned vector for each of a vocabulary. Takes whole numbers from 0 to num_embeddings − 1."""

    type: Literal["embedding"] = "embedding"
    num_embeddings: int = Field(ge=1, le=100_000_000)
    """the size of the vocabulary"""
    embedding_dim: int = Field(ge=1, le=100_000)
    """how long each vector is"""

    group: ClassVar[str] = "sequence"
    takes_integers: ClassVar[bool] = True
    examples: ClassVar[tuple[Example, ...]] = (
        Example({"num_embeddings": 10, "embedding_dim": 4}, ((7,),)),
        Example({"num_embeddings": 10, "embedding_dim": 4}, ((3, 2),)),
    )

    def output_shape(self, *inputs: Shape) -> Shape:
        return (*inputs[0], self.embedding_dim)

    def num_parameters(self, *inputs: Shape) -> int:
        return self.num_embeddings * self.embedding_dim

    def recipe(self, *inputs: Shape) -> Recipe:
        kwargs = {"num_embeddings": self.num_embeddings, "embedding_dim": self.embedding_dim}
        return Recipe("torch.nn.Embedding", kwargs)
