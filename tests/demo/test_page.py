"""`atelier demo` as a person meets it: the real process, its page in headless Chromium, a real model."""

import asyncio
import os
import re
import shutil
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Locator, Page, async_playwright, expect

from tests.discord.world import png

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
PATIENCE_MS = 30_000
ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+/#\S+")


@pytest.fixture
async def address(tmp_path: Path) -> AsyncIterator[str]:
    """The page of a demo that runs as its own process, ended by Ctrl-C."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot", "demo", "--no-browser",
        cwd=tmp_path, stdout=asyncio.subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(Path.cwd())},
    )  # fmt: skip
    assert process.stdout is not None
    try:
        found = None
        while found is None:
            line = (await process.stdout.readline()).decode()
            assert line, "the demo ended before it told its address"
            found = ADDRESS.search(line)
        yield found[0]
    finally:
        process.send_signal(signal.SIGINT)
        await process.communicate()
    assert process.returncode == 130


@pytest.fixture
async def page(address: str) -> AsyncIterator[Page]:
    assert CHROMIUM, "this test needs chromium (Debian: apt-get install chromium)"
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = await browser.new_page(viewport={"width": 1280, "height": 1000})
        page.set_default_timeout(PATIENCE_MS)
        expect.set_options(timeout=PATIENCE_MS)
        await page.goto(address)
        yield page
        await browser.close()


def composer(page: Page) -> Locator:
    return page.locator("#channel-composer-input")


def cards(page: Page) -> Locator:
    """The messages of the channel that show a finished picture."""
    return page.locator("#channel-message-list article").filter(has=page.get_by_role("button", name="Again"))


def pictures(page: Page, alt: str) -> Locator:
    return cards(page).get_by_alt_text(alt, exact=True)


async def command(page: Page, name: str) -> None:
    await composer(page).click()
    await composer(page).type(name)
    await page.get_by_role("option", name=name).first.click()


async def test_every_door_that_the_page_can_show_makes_a_picture(page: Page, tmp_path: Path) -> None:
    await command(page, "/imagine")
    await page.keyboard.type("a red apple")
    await page.locator("#send-message").click()  # Enter might take a suggestion
    await expect(cards(page)).to_have_count(1)
    await expect(pictures(page, "a 3d apple")).to_be_visible()
    await expect(cards(page).first).to_contain_text("a red apple")
    await expect(cards(page).first).to_contain_text("starter drew: a 3d apple")

    await cards(page).first.get_by_role("button", name="Remix").click()
    form = page.locator("#modal-root")
    await form.get_by_label("Prompt").fill("a green pear")
    await form.get_by_label("Strength").fill("0.5")
    await form.get_by_role("button", name="Submit").click()
    await expect(cards(page)).to_have_count(2)
    await expect(pictures(page, "a 3d pear, a remix at strength 0.5")).to_be_visible()

    (tmp_path / "house.png").write_bytes(png("blue", (96, 64)))
    await command(page, "/remix")
    await page.get_by_role("option", name="image").click()
    await page.locator("input[type=file]").first.set_input_files(tmp_path / "house.png")
    await page.locator("#send-message").click()
    await expect(cards(page)).to_have_count(3)
    await expect(cards(page).last).to_contain_text("Remixed without a prompt")

    welcome = await page.locator("#channel-message-list article").first.inner_text()
    mention = re.search(r"<@\d+>", welcome)
    assert mention, welcome
    await cards(page).first.hover()
    await cards(page).first.get_by_role("button", name="Reply").click()
    await composer(page).fill(f"{mention[0]} remix strength:0.6 as a neon apple")
    await page.keyboard.press("Enter")
    await expect(cards(page)).to_have_count(4)
    await expect(pictures(page, "a neon apple, a remix at strength 0.6")).to_be_visible()
