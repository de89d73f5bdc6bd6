"""Parameter-efficient tuning of Hugging Face models: one equation, many modules, a reproducible study."""

__version__ = "0.1.0"
