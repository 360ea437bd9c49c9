"""Layers that make images and series smaller."""

from typing import ClassVar

from app.keras.chain import Chain, channels_first
from app.keras.layers.base import Format, KerasLayer
from app.keras.layers.windows import Sizes, Windowed, size


class _Pool(Windowed, KerasLayer):
    pool_size: Sizes
    strides: Sizes | None = None
    kind: ClassVar[str]

    def place(self, chain: Chain) -> None:
        chain.channels_first(self.axes, self.data_format)
        same = "same" if self.padding == "same" else None
        stride = None if self.strides in (None, self.pool_size) else size(self.strides or ())
        fields = {"kernel_size": size(self.pool_size), "stride": stride, "padding": same}
        chain.main(f"{self.kind}_pool{self.axes}d", **fields)


class _Adaptive(Windowed, KerasLayer):
    output_size: Sizes
    kind: ClassVar[str]

    def place(self, chain: Chain) -> None:
        chain.channels_first(self.axes, self.data_format)
        chain.main(f"adaptive_{self.kind}_pool{self.axes}d", output_size=size(self.output_size))


class _Global(KerasLayer):
    data_format: Format = "channels_last"
    keepdims: bool = False
    kind: ClassVar[str]
    axes: ClassVar[int]

    def place(self, chain: Chain) -> None:
        if self._is_of_a_sequence(chain):
            chain.main("mean", order=(0,), dim=1)  # as it stands
        else:
            chain.channels_first(self.axes, self.data_format)
            chain.main(f"global_{self.kind}_pool", order=(0,))
        if self.keepdims:
            order = channels_first(self.axes + 1, last=self.data_format == "channels_last")
            chain.add("reshape", order=order, shape=[chain.shape[0], *[1] * self.axes])

    def _is_of_a_sequence(self, chain: Chain) -> bool:
        is_last = self.axes == 1 and self.data_format == "channels_last"
        return is_last and self.kind == "avg" and chain.order == (0, 1)


def _make(base: type[KerasLayer], name: str, kind: str, axes: int) -> type[KerasLayer]:
    """The class of Keras's name, which pools so over so many axes."""
    members = {"kind": kind, "axes": axes, "__module__": __name__, "__doc__": f"`{name}` of Keras."}
    return type(name, (base,), members | {"__annotations__": {"kind": ClassVar[str], "axes": ClassVar[int]}})


POOLINGS = tuple(
    _make(base, f"{prefix}{word}Pooling{axes}D", kind, axes)
    for kind, word in (("max", "Max"), ("avg", "Average"))
    for base, prefix in ((_Pool, ""), (_Global, "Global"), (_Adaptive, "Adaptive"))
    for axes in (1, 2, 3)
)
