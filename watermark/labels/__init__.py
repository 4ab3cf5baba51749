"""Labelling rules of several countries: what each asks to be written or drawn, and the clauses it rests on.

    profile      reads the declarative files (`eu.toml`, `california.toml`, ...) and combines several into one plan
    tc260        China's AIGC label: its seven fields, their places, and the seal in `ReservedCode1`
    visible      draws the label that people see
    strokes      the few Chinese and Korean signs that it needs, as pen strokes

What a rule says is quoted from where it was read; what was not read is listed as unconfirmed in the file. None of
this is legal advice, and a satisfied profile is no finding of a court.
"""
