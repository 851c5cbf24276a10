"""Annotations that limit a parameter's values: `Annotated[float, WithinRange(0, 50)]`."""

from dataclasses import dataclass


class Validator:
    """Raises from `validate` when a value is not allowed."""

    def validate(self, value):
        raise NotImplementedError


@dataclass
class WithinRange(Validator):
    minimum: float
    maximum: float

    def validate(self, value):
        if not self.minimum <= value <= self.maximum:
            raise ValueError(f"Value must be within range [{self.minimum}, {self.maximum}], is {value}")


@dataclass
class Minimum(Validator):
    minimum: float

    def validate(self, value):
        if value < self.minimum:
            raise ValueError(f"Value must be at least {self.minimum}, is {value}")


@dataclass
class Maximum(Validator):
    maximum: float

    def validate(self, value):
        if value > self.maximum:
            raise ValueError(f"Value must be at most {self.maximum}, is {value}")


@dataclass
class Choice(Validator):
    choices: list

    def validate(self, value):
        if value not in self.choices:
            raise ValueError(f"Value must be one of {self.choices}, is {value!r}")


@dataclass
class Exclude(Validator):
    excludedValues: list

    def validate(self, value):
        if value in self.excludedValues:
            raise ValueError(f"Value must not be one of {self.excludedValues}, is {value!r}")


@dataclass
class IsInstance(Validator):
    """The type of a parameter; None only where `optional`."""

    types: tuple
    optional: bool = False

    def validate(self, value):
        if value is None and self.optional:
            return
        if value is None:
            raise ValueError("Value must not be None")
        if not isinstance(value, self.types):
            names = " or ".join(t.__name__ for t in self.types)
            raise TypeError(f"Value must be of type {names}, is {type(value).__name__} {value!r}")
