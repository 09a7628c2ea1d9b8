"""Every test here sees the device, or its stand-in."""

import pytest
import standin


@pytest.fixture(autouse=True, scope="module")
def device():
    with standin.present():
        yield
