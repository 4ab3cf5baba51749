import math

import numpy as np
import pytest

from watermark.message import carrier_coefficients
from watermark.spectrum_search import (
    PowerMap,
    climb_magnitudes,
    search_octaves,
    search_stretched,
    search_upright,
)
from watermark.tile import pattern_factors, tile_for

PERIOD = 104.0


def turned_pattern(key, matrix, noise=3.0):
    """The pattern seen through a linear map of pixel coordinates."""
    tile = tile_for(key)
    import cv2

    big = np.matmul(
        *pattern_factors(tile, carrier_coefficients(tile, b"8 bytes!", 0), (700, 700), PERIOD, (0.0, 0.0))
    )
    centre = np.array([350.0, 350.0])
    warp = np.hstack([matrix, (np.array([170.0, 150.0]) - matrix @ centre)[:, None]])
    seen = cv2.warpAffine(big, warp, (340, 300), flags=cv2.INTER_CUBIC)
    return seen + np.random.default_rng(0).normal(0, noise, seen.shape).astype(np.float32)


@pytest.mark.parametrize(
    ("degrees", "scale", "mirror"), [(0, 1, 1), (33, 1.0, 1), (-71, 0.8, -1), (123, 1.3, 1)]
)
def test_finds_rotation_scale_and_mirror(key, degrees, scale, mirror):
    turn = math.radians(degrees)
    rotation = np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    matrix = scale * rotation @ np.diag([mirror, 1.0])
    tile, maps = tile_for(key), [PowerMap.of(turned_pattern(key, matrix))]
    best = climb_magnitudes(maps, search_octaves([tile], maps, (50.0, 220.0)))[0]
    expected = np.linalg.inv(matrix).T / PERIOD
    error = min(
        np.abs(best.matrix - sign * expected).max() for sign in (1, -1)
    )  # magnitudes know no half turn
    assert error * PERIOD < 0.01
    assert best.score > 15


def test_finds_an_aspect(key):
    matrix = np.diag([0.9, 1.0])
    tile, maps = tile_for(key), [PowerMap.of(turned_pattern(key, matrix))]
    stretches = [np.diag([math.exp(-x / 2), math.exp(x / 2)]) for x in (-0.1, 0.0, 0.1)]
    best = climb_magnitudes(maps, search_stretched([tile], maps, (80.0, 130.0), stretches))[0]
    error = min(np.abs(best.matrix - sign * np.linalg.inv(matrix).T / PERIOD).max() for sign in (1, -1))
    assert error * PERIOD < 0.01


@pytest.mark.parametrize(
    "matrix", [np.diag([0.7, 0.7]), np.diag([-0.85, 1.1]), np.array([[1.0, 0.09], [0.0, 1.0]])]
)
def test_upright_pictures_are_found_among_few_maps(key, matrix):
    tile, maps = tile_for(key), [PowerMap.of(turned_pattern(key, matrix))]
    candidates = search_upright([tile], maps, (50.0, 220.0), (70.0, 150.0))
    assert len(candidates) == 8  # the best two of each mirror, with equal scales and without
    best = climb_magnitudes(maps, candidates)[0]
    expected = np.linalg.inv(matrix).T / PERIOD
    error = min(np.abs(best.matrix - sign * expected).max() for sign in (1, -1))
    assert error * PERIOD < 0.015


def test_scores_of_noise_stay_low(key):
    tile = tile_for(key)
    maps = [
        PowerMap.of(np.random.default_rng(i).standard_normal((256, 256)).astype(np.float32)) for i in (0, 1)
    ]
    best = climb_magnitudes(maps, search_octaves([tile], maps, (50.0, 220.0)))[0]
    assert 4 < best.score < 13


def test_power_map_is_centred_and_bounded():
    power = PowerMap.of(np.random.default_rng(0).standard_normal((200, 150)).astype(np.float32))
    assert power.size == 200
    assert power.excess.min() >= -1
    assert power.excess.max() <= 9
    assert abs(power.excess.mean()) < 0.1


def test_a_wave_shows_at_its_frequency():
    y, x = np.mgrid[:200, :260]
    wave = np.cos(2 * np.pi * (0.11 * x - 0.23 * y)) + np.random.default_rng(0).normal(0, 1, x.shape)
    power = PowerMap.of(wave.astype(np.float32))
    at = lambda fx, fy: power.at(np.array([[fx]], np.float32), np.array([[fy]], np.float32))[0, 0]
    assert at(0.11, -0.23) > 5
    assert at(-0.11, 0.23) > 5
    assert at(0.11, 0.23) < 5
    assert at(0.7, 0.1) == 0
