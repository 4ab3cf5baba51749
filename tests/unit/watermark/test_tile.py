import hashlib

import numpy as np
import pytest

from watermark.tile import (
    DATA_CARRIERS,
    PILOT_SPACING,
    PILOTS,
    VARIANTS,
    keyed_stream,
    pattern_factors,
    period_px,
    tile_for,
)


def test_carriers_are_distinct_and_never_mirror_each_other(key):
    tile = tile_for(key)
    both = np.concatenate([tile.carriers, -tile.carriers])
    assert len(tile.pilots) == PILOTS
    assert len(tile.data) == DATA_CARRIERS
    assert len({tuple(k) for k in both}) == 2 * (PILOTS + DATA_CARRIERS)


def test_pilots_keep_their_distance(key):
    pilots = tile_for(key).pilots
    both = np.concatenate([pilots, -pilots])
    gaps = np.hypot(*(both[:, None] - both[None]).transpose(2, 0, 1))
    assert gaps[~np.eye(len(both), dtype=bool)].min() > PILOT_SPACING


def test_energy_is_one(key):
    tile = tile_for(key)
    assert np.sum(tile.pilot_amplitudes**2) + np.sum(tile.data_amplitudes**2) == pytest.approx(1.0)


def test_keys_share_hardly_any_pilot():
    a, b = ({tuple(k) for k in tile_for(bytes([i]) * 16).pilots} for i in (1, 2))
    assert len(a & b) < PILOTS // 3


def test_variants_share_places_and_no_phases(key):
    phases = tile_for(key).pilot_phases
    assert phases.shape == (VARIANTS, PILOTS)
    likeness = np.abs(phases @ phases.conj().T) / PILOTS
    assert likeness[~np.eye(VARIANTS, dtype=bool)].max() < 0.4


def test_prefix_keys_give_different_streams():
    # the length of the key is hashed too: key + label must not be ambiguous
    assert not np.array_equal(keyed_stream(b"a" * 16, "bc", 4), keyed_stream(b"a" * 16 + b"b", "c", 4))


def test_layout_of_a_key_never_changes(key):
    # marks already made must stay readable: this hash may only change with a new format
    tile = tile_for(key)
    layout = (
        tile.carriers.astype("<i8").tobytes()
        + np.rint(np.angle(tile.pilot_phases) * 1e6).astype("<i8").tobytes()
    )
    assert hashlib.sha256(layout).hexdigest()[:16] == "138faa0ac1efab8c"


@pytest.mark.parametrize(
    ("height", "width", "period"), [(512, 900, 160.0), (2048, 2048, 320.0), (128, 4000, 108.8)]
)
def test_period_follows_the_shortest_side(height, width, period):
    assert period_px(height, width) == pytest.approx(period)
    assert period_px(width, height) == pytest.approx(period)


def test_render_is_the_fourier_sum(key):
    tile = tile_for(key)
    symbols = np.exp(2j * np.pi * np.random.default_rng(0).random(DATA_CARRIERS))
    values = np.concatenate([tile.pilot_amplitudes * tile.pilot_phases[2], tile.data_amplitudes * symbols])
    pattern = np.matmul(*pattern_factors(tile, values, (40, 50), 77.7, (11.3, -4.2)))
    for y, x in ((0, 0), (39, 49), (17, 23)):
        phase = 2j * np.pi * (tile.carriers @ np.array([x - 11.3, y + 4.2])) / 77.7
        assert pattern[y, x] == pytest.approx(np.sqrt(2) * np.sum(values * np.exp(phase)).real, abs=1e-3)


def test_render_repeats_and_has_unit_energy(key):
    tile = tile_for(key)
    values = np.concatenate([tile.pilot_amplitudes, tile.data_amplitudes]).astype(complex)
    pattern = np.matmul(*pattern_factors(tile, values, (256, 256), 128.0, (0.0, 0.0)))
    assert np.allclose(pattern[:128, :128], pattern[128:, 128:], atol=1e-3)
    assert np.sqrt(np.mean(pattern**2)) == pytest.approx(1.0, abs=1e-3)
