from pydantic import BaseModel
class Problem(BaseModel):
    loc: list[str | int]
    msg: str
    received: object = None
class SpecError(Exception):
    def __init__(self, errors): self.errors=errors; super().__init__("; ".join(e.msg for e in errors))
