"""Numbers that stand for things become vectors."""

from typing import ClassVar, Literal

from pydantic import Field

from app.specs.base import Shape, ShapeError
from app.specs.layers.base import Example, Recipe, Weighted, written


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


class EntityEmbedding(Weighted):
    """Embedded columns become learned vectors, the numbers beside them stay (Guo and Berkhahn, 2016)."""

    # Embedded columns always come first in a row. Of users and items this is what neural collaborative filtering begins
    # with (He et al., 2017).
    type: Literal["entity_embedding"] = "entity_embedding"
    num_embeddings: int = Field(ge=1, le=1 << 24)
    """the size of the vocabulary: the values of all embedded columns, and one more for each"""
    embedding_dim: int = Field(ge=1, le=100_000)
    """how long each vector is"""
    num_columns: int = Field(ge=1, le=10_000)
    """how many columns are embedded"""

    group: ClassVar[str] = "sequence"
    takes_columns: ClassVar[bool] = True
    examples: ClassVar[tuple[Example, ...]] = (
        Example({"num_embeddings": 10, "embedding_dim": 4, "num_columns": 2}, ((2,),)),
        Example({"num_embeddings": 10, "embedding_dim": 4, "num_columns": 1}, ((5,),)),
        Example({"num_embeddings": 10, "embedding_dim": 3, "num_columns": 2}, ((6, 3),)),
    )

    def output_shape(self, *inputs: Shape) -> Shape:
        *lead, width = inputs[0]
        if width < self.num_columns:
            message = f"{self.num_columns} columns are looked up, but a row is {written(inputs[0])}"
            raise ShapeError(message, "num_columns")
        return (*lead, self.num_columns * self.embedding_dim + width - self.num_columns)

    def num_parameters(self, *inputs: Shape) -> int:
        return self.num_embeddings * self.embedding_dim

    def recipe(self, *inputs: Shape) -> Recipe:
        kwargs = {"num_embeddings": self.num_embeddings, "embedding_dim": self.embedding_dim}
        return Recipe("worker.nn.modules.EntityEmbedding", kwargs | {"num_columns": self.num_columns})
