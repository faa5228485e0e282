"""What is known of a head before any image is seen."""

from typing import NamedTuple


class HeadFacts(NamedTuple):
    """What can be said about a head's logits before any image is seen.

    Attributes:
        num_classes (int): Foreground classes, as in the head's config.
        channels (int): C, length of one row of logits.
        use_sigmoid (bool): Whether each class is a Bernoulli variable of its
            own; otherwise a row is one softmax.
        classes_are_columns (bool): Whether column i belongs to class i, so
            that ``class_map`` can pick columns. False for box distributions
            and masks.
        by_class (bool): Whether a row depends on which class is meant, so
            that class lists are compared. False for box distributions and
            class-agnostic masks.
        has_labels (bool): Whether rows have a target class.
        whole (bool): Whether every logit of a row counts; otherwise some may
            be filled with a number whose softmax is 0.
    """

    num_classes: int
    channels: int
    use_sigmoid: bool = False
    classes_are_columns: bool = True
    by_class: bool = True
    has_labels: bool = True
    whole: bool = True
