"""Searches whose level 0 was done for a batch of pictures, in torch.

A prepared search is an ordinary one (search.py) that finds its residuals, its spectra and the coherent tests of level 0
made already. It goes through the same levels in the same order and counts the same tests, so its answer and its
p-value are those of a search that did all by itself.

This module imports torch when it is imported; `watermark` itself does not import it.
"""

from collections.abc import Sequence
from functools import cached_property

import numpy as np
import torch

from watermark.alignment import Lock
from watermark.frontend import Plane
from watermark.inputs import AnyImage
from watermark.search import DIHEDRAL, READ_FROM_Z, Search, View
from watermark.spectrum import Spectrum
from watermark.tile import VARIANTS, Tile
from watermark.torch_frontend import suppress_hosts
from watermark.torch_spectrum import Spectra, lock_maps


class PreparedView(View):
    """A view whose residuals and spectra lie on a device; they are fetched when first asked for."""

    def __init__(self, view: View, number: int, residuals: torch.Tensor, spectra: Spectra) -> None:
        """Join picture `number` of a batch to its planes."""
        super().__init__(view.luma, lambda: view.difference)
        self._number, self._made_residuals, self._spectra = number, residuals, spectra

    @cached_property
    def luma_looks(self) -> list[Spectrum]:
        """As in `View`."""
        return [self._spectra.one(self._number, 0)]

    @cached_property
    def looks(self) -> list[Spectrum]:
        """As in `View`."""
        return [*self.luma_looks, self._spectra.one(self._number, 1)]

    @cached_property
    def residuals(self) -> list[Plane]:
        """As in `View`."""
        return list(self._made_residuals[self._number].cpu().numpy())


class PreparedSearch(Search):
    """A search whose tests at the nominal period were done before it runs."""

    nominal_locks: dict[int, list[tuple[Tile, Lock]]]
    """By the number of looks: the locks in the order in which `Search` would have tried them."""

    def _nominal(self, looks: list[Spectrum]) -> bool:
        return any(self._judge(tile, looks, lock) for tile, lock in self.nominal_locks[len(looks)])

    def _judge(self, tile: Tile, looks: list[Spectrum], lock: Lock) -> bool:
        self.tests += VARIANTS * (2 * len(looks) - 1)
        self._keep(tile, lock)
        return lock.z >= READ_FROM_Z and self._read(tile, looks, lock)


def prepare(tiles: Sequence[Tile], images: Sequence[AnyImage], device: str) -> list[PreparedSearch]:
    """Do level 0 for pictures of one size, under one key or several.

    Args:
        tiles: one a key.
        images: as `detect` accepts them, all of one height and width.
        device: where torch works.

    """
    searches = [PreparedSearch(tiles, image) for image in images]
    planes = np.stack([np.stack([search.view.luma, search.view.difference]) for search in searches])
    matrices = [turn / searches[0].nominal_period for turn in DIHEDRAL]
    with torch.inference_mode():
        residuals = suppress_hosts(torch.from_numpy(planes).to(device))
        spectra = Spectra(residuals)
        tested = [lock_maps(tile, spectra, matrices) for tile in tiles]
    for number, search in enumerate(searches):
        search.view = PreparedView(search.view, number, residuals, spectra)
        search.nominal_locks = {
            looks: [
                (tile, locks[looks - 1][number][place])
                for place in range(len(matrices))
                for tile, locks in zip(tiles, tested, strict=True)
            ]
            for looks in (1, 2)
        }
    return searches
