"""A loss class takes its settings from the signature of a function."""

import inspect
from typing import Any, Callable, Dict, Optional, Tuple, Union

from torch import Tensor

from ..messages import WrongType
from .checks import check_choice, check_taus, check_weights

Parts = Dict[str, Tensor]
#: What a loss function gives: rows, or rows and their parts.
Rows = Union[Tensor, Tuple[Tensor, Parts]]

#: Parameters of a loss function that are not settings.
PER_BATCH = (
    'student_logits',
    'teacher_logits',
    'labels',
    'with_parts',
    'weight',
    'use_sigmoid',
)


class FunctionSettings:
    """Settings of a function as attributes of a class around it.

    A subclass names its :attr:`function`. The signature is read once, when
    the subclass is defined; building an object checks the settings and keeps
    each under its name.
    """

    #: Compares rows whose classes exclude each other (softmax).
    function: Optional[Callable[..., Rows]] = None
    #: Compares rows of independent classes, with the same settings. A loss
    #: that serves only sigmoid heads has no other function.
    sigmoid_function: Optional[Callable[..., Rows]] = None
    #: Defaults of the class where the function has none, or another.
    defaults: Dict[str, Any] = {}
    #: What a setting without a default is, and where it comes from.
    required: Dict[str, str] = {}
    #: Settings that may not be negative.
    part_weights: Tuple[str, ...] = ()
    #: Weights of parts that add up to the loss; with all of them 0 nothing is
    #: left.
    summands: Tuple[str, ...] = ()
    #: Settings that are words, and the words that each may be.
    choices: Dict[str, Tuple[str, ...]] = {}
    #: Whether ``tau`` may be a list, whose losses are added up.
    several_taus = False
    #: Whether the loss is defined for independent Bernoulli classes.
    supports_sigmoid = False
    #: The settings with their defaults, their names, and which of ``labels``,
    #: ``with_parts``, ``weight`` and ``use_sigmoid`` the function takes; read
    #: from its signature.
    settings_signature = inspect.Signature()
    setting_names: Tuple[str, ...] = ()
    per_batch: Tuple[str, ...] = ()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for name in ('function', 'sigmoid_function'):
            if vars(cls).get(name) is not None:
                setattr(cls, name, staticmethod(vars(cls)[name]))
        function = cls.function or cls.sigmoid_function
        if '__init__' in vars(cls):
            cls.__signature__ = None  # ``inspect`` shows that of __init__
        if function is None or '__init__' in vars(cls):
            return
        cls.supports_sigmoid |= cls.sigmoid_function is not None
        parameters = inspect.signature(function).parameters
        settings = [
            parameter.replace(
                kind=parameter.POSITIONAL_OR_KEYWORD,
                default=cls.defaults.get(name, parameter.default),
            )
            for name, parameter in parameters.items()
            if name not in PER_BATCH
        ]
        cls.settings_signature = inspect.Signature(settings)
        cls.setting_names = tuple(cls.settings_signature.parameters)
        cls.per_batch = tuple(n for n in PER_BATCH[2:] if n in parameters)
        shared = inspect.signature(cls.__init__).parameters.values()
        cls.__signature__ = inspect.Signature(
            settings + [p for p in shared if p.kind == p.KEYWORD_ONLY]
        )

    def keep_settings(
        self, values: Tuple[Any, ...], settings: Dict[str, Any]
    ) -> None:
        """Check every setting of the function and make it an attribute.

        Args:
            values (tuple): Settings given by their place.
            settings (dict): Settings given by name.

        Raises:
            TypeError: If a setting is unknown, missing or given twice.
            ValueError: If a value is out of range.
        """
        name = type(self).__name__
        try:
            bound = self.settings_signature.bind(*values, **settings)
        except TypeError as error:
            known = ', '.join(inspect.signature(type(self)).parameters)
            hints = ''.join(
                f'; {setting} is {hint}'
                for setting, hint in self.required.items()
                if repr(setting) in str(error)
            )
            raise WrongType(
                f'{name}: {error}{hints}; it takes {known}'
            ) from None
        bound.apply_defaults()
        for setting in self.setting_names:
            setattr(self, setting, bound.arguments[setting])
        for setting, known in self.choices.items():
            check_choice(name, setting, getattr(self, setting), known)
        if 'tau' in self.setting_names:
            check_taus(name, self.tau, self.several_taus)
        weights = {
            letter: getattr(self, letter) for letter in self.part_weights
        }
        check_weights(name, **weights)
        self.check_settings()

    def check_settings(self) -> None:
        """Refuse settings that make no sense; overridden where needed.

        Raises:
            ValueError: One sentence on what came and what was expected.
        """

    def call(
        self,
        function: Callable[..., Rows],
        student_logits: Tensor,
        teacher_logits: Tensor,
        labels: Optional[Tensor],
        weight: Optional[Tensor] = None,
    ) -> Rows:
        """``function`` on a batch with the settings as they are now."""
        given = {name: getattr(self, name) for name in self.setting_names}
        if 'labels' in self.per_batch:
            given['labels'] = labels
        if 'with_parts' in self.per_batch:
            given['with_parts'] = True
        if 'weight' in self.per_batch:
            given['weight'] = weight
        if 'use_sigmoid' in self.per_batch:
            given['use_sigmoid'] = bool(self.use_sigmoid)
        return function(student_logits, teacher_logits, **given)
