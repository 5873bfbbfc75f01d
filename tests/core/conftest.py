from collections.abc import AsyncIterator

import pytest

from tests.core.house import House


@pytest.fixture
async def closed_house() -> AsyncIterator[House]:
    """A service that was not started yet, so that everything waits."""
    house = House()
    yield house
    await house.service.close()


@pytest.fixture
async def house(closed_house: House) -> House:
    """A service at work."""
    await closed_house.service.start(recover=True)
    return closed_house
