"""Numbers that stand for things become vectors."""

from math import prod
from typing import ClassVar, Literal

from pydantic import Field

from app.specs.base import Shape, ShapeError
from app.specs.layers.base import Example, Layer, Recipe, Weighted, documented, need_axes, written


class Embedding(Weighted):
    """A learned vector for each of a vocabulary. Takes whole numbers from 0 to num_embeddings − 1."""

    type: Literal["embedding"] = "embedding"
    num_embeddings: int = Field(ge=1, le=100_000_000)
    """the size of the vocabulary"""
    embedding_dim: int = Field(ge=1, le=100_000)
    """how long each vector is"""

    group: ClassVar[str] = "sequence"
    source: ClassVar[str] = documented("Embedding")
    takes_integers: ClassVar[bool] = True
    examples: ClassVar[tuple[Example, ...]] = (
        Example({"num_embeddings": 10, "embedding_dim": 4}, ((7,),)),
        Example({"num_embeddings": 10, "embedding_dim": 4}, ((3, 2),)),
    )

    def output_shape(self, *inputs: Shape) -> Shape:
        return (*inputs[0], self.embedding_dim)

    def weight_shape(self, *inputs: Shape) -> Shape:
        return (self.num_embeddings, self.embedding_dim)

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
    keeps_inputs: ClassVar[bool] = False
    source: ClassVar[str] = "https://arxiv.org/abs/1604.06737"
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

    def weight_shape(self, *inputs: Shape) -> Shape:
        return (self.num_embeddings, self.embedding_dim)

    def num_parameters(self, *inputs: Shape) -> int:
        return self.num_embeddings * self.embedding_dim

    def num_kept(self, *inputs: Shape) -> int:
        return 2 * prod(inputs[0][:-1]) * self.num_columns  # as whole numbers of eight bytes

    def recipe(self, *inputs: Shape) -> Recipe:
        kwargs = {"num_embeddings": self.num_embeddings, "embedding_dim": self.embedding_dim}
        return Recipe("worker.nn.modules.EntityEmbedding", kwargs | {"num_columns": self.num_columns})


class SinusoidalPosition(Layer):
    """Adds waves of many lengths to a sequence, so that each place is told from the others (Vaswani et al., 2017)."""

    type: Literal["sinusoidal_position"] = "sinusoidal_position"
    also_called: ClassVar[tuple[str, ...]] = ("positional_encoding",)
    base: float = Field(default=10_000.0, gt=1)
    """the longest wave, in steps over 2π"""

    group: ClassVar[str] = "sequence"
    source: ClassVar[str] = "https://arxiv.org/abs/1706.03762"
    examples: ClassVar[tuple[Example, ...]] = (Example({}, ((5, 4),)), Example({"base": 100.0}, ((3, 7),)))

    def output_shape(self, *inputs: Shape) -> Shape:
        need_axes(inputs[0], 2, "a sequence (length×features)", "an embedding layer before it makes tokens features")
        return inputs[0]

    def recipe(self, *inputs: Shape) -> Recipe:
        length, features = inputs[0]
        return Recipe(
            "worker.nn.positions.SinusoidalPosition", {"length": length, "features": features} | self.own_fields()
        )


class LearnedPosition(Weighted):
    """Adds a learned vector to each place of a sequence (Gehring et al., 2017)."""

    type: Literal["learned_position"] = "learned_position"
    also_called: ClassVar[tuple[str, ...]] = ("position_embedding",)

    group: ClassVar[str] = "sequence"
    keeps_inputs: ClassVar[bool] = False
    source: ClassVar[str] = "https://arxiv.org/abs/1705.03122"
    examples: ClassVar[tuple[Example, ...]] = (Example({}, ((5, 4),)),)

    def output_shape(self, *inputs: Shape) -> Shape:
        need_axes(inputs[0], 2, "a sequence (length×features)", "an embedding layer before it makes tokens features")
        return inputs[0]

    def weight_shape(self, *inputs: Shape) -> Shape:
        return inputs[0]

    def num_parameters(self, *inputs: Shape) -> int:
        return inputs[0][0] * inputs[0][1]

    def recipe(self, *inputs: Shape) -> Recipe:
        length, features = inputs[0]
        return Recipe("worker.nn.positions.LearnedPosition", {"length": length, "features": features})


class ClassToken(Weighted):
    """Puts a learned vector before a sequence; what becomes of it stands for the whole (Devlin et al., 2018)."""

    type: Literal["class_token"] = "class_token"
    also_called: ClassVar[tuple[str, ...]] = ("cls_token",)

    group: ClassVar[str] = "sequence"
    keeps_inputs: ClassVar[bool] = False
    source: ClassVar[str] = "https://arxiv.org/abs/1810.04805"
    examples: ClassVar[tuple[Example, ...]] = (Example({}, ((5, 4),)),)

    def output_shape(self, *inputs: Shape) -> Shape:
        need_axes(inputs[0], 2, "a sequence (length×features)")
        return (inputs[0][0] + 1, inputs[0][1])

    def weight_shape(self, *inputs: Shape) -> Shape:
        return (1, inputs[0][1])

    def num_parameters(self, *inputs: Shape) -> int:
        return inputs[0][1]

    def recipe(self, *inputs: Shape) -> Recipe:
        return Recipe("worker.nn.positions.ClassToken", {"features": inputs[0][1]})
