"""What a reader records while the student's own loss runs."""

from typing import Any, Dict

#: Name -> what was recorded under it in this step: tensors, lists of them, or
#: tuples with named fields. Each reader has dictionaries and names of its own.
Notes = Dict[str, Any]
