"""What can keep a classifier from answering.

ClassifierError
├── UnknownClassifier     no such name in the registry (the text lists the known ones)
├── OptionsInvalid        the plug-in does not take these options, or needs one that was not given
├── ClassifierUnavailable known, but something that it needs is not installed (the text says what)
├── ModelUnreadable       weights missing, damaged, or not those the card names
├── RemoteFailed          a moderation service gave no answer, or none that can be used
├── ImageRejected         not a uint8 (H, W, 3) array
├── TextUnreadable        the text reader failed on a picture
├── BrandInvalid          a brand's file holds no mark that can be looked for, or more than a mark
└── TrainingDataInvalid   a row or folder that the trainer or the evaluation cannot use
"""


class ClassifierError(Exception):
    """Root of everything `classifiers` raises on purpose."""


class UnknownClassifier(ClassifierError):
    """The registry has no classifier of that name."""


class OptionsInvalid(ClassifierError):
    """The plug-in does not take these options, or needs one that was not given."""


class ClassifierUnavailable(ClassifierError):
    """The plug-in is known, but something that it needs is not installed."""


class ModelUnreadable(ClassifierError):
    """Weights are missing, damaged, or not those the card names."""


class RemoteFailed(ClassifierError):
    """A moderation service gave no answer, or none that can be used."""


class ImageRejected(ClassifierError):
    """The array is not a picture as this package defines one."""


class BrandInvalid(ClassifierError):
    """A brand's file holds no mark that can be looked for, or more than a mark."""


class TextUnreadable(ClassifierError):
    """Reading the text in a picture failed, so the picture was not judged."""


class TrainingDataInvalid(ClassifierError):
    """A row or a folder of training or evaluation data cannot be used."""
