"""How the models in `classifiers/models` are made and measured.

Commands and what they need: corpora, sentences of our own, networks in torch, calibration, evaluation, cards. The
service never imports this package (`make lint` enforces it): it needs the weights, not the way there.
"""
