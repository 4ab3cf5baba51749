"""Slot grammars of the sentences that the trainer makes itself; `synthesis` reads them."""
