"""The bot's process as the one who starts and kills it sees it."""

import asyncio
import os
import sys
from pathlib import Path
from typing import IO, Final, Self

ROOT: Final = Path(__file__).parents[2]
STOP_SECONDS: Final = 20
"""For a clean stop after SIGTERM."""


class BotProcess:
    """One life of the bot."""

    def __init__(self, process: asyncio.subprocess.Process, log: IO[bytes]) -> None:
        self._process = process
        self._log = log
        self.killed = False

    @classmethod
    async def start(cls, url: str, folder: Path, log: Path, engine: str, ahead: float) -> Self:
        """Start it on the data in `folder`; what it logs is added to `log`. Its clock is `ahead`.

        Nobody's settings reach it: not those of the environment, nor a `.env` beside the code.
        """
        file = log.open("ab")
        own = {name: value for name, value in os.environ.items() if not name.startswith("ATELIER_")}
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "tests.chaos.bot_process", url, str(folder), "--engine", engine, "--ahead", str(ahead)),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            cwd=log.parent,
            env={**own, "PYTHONPATH": str(ROOT)},
        )
        return cls(process, file)

    @property
    def is_running(self) -> bool:
        return self._process.returncode is None and not self.killed

    def kill(self) -> None:
        """SIGKILL, at once: nothing that the process holds is written down any more."""
        if self.is_running:
            self.killed = True
            self._process.kill()

    async def ended(self) -> int:
        """Its exit status, once it has one."""
        status = await self._process.wait()
        self._log.close()
        return status

    async def stop(self) -> int:
        """SIGTERM, then the exit status. Raises TimeoutError when it does not end, and kills it."""
        self._process.terminate()
        try:
            async with asyncio.timeout(STOP_SECONDS):
                return await self.ended()
        except TimeoutError:
            self.kill()
            await self.ended()
            raise
