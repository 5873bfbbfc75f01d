"""What importing the room costs."""

import subprocess
import sys


def test_importing_the_package_and_its_options_imports_no_torch() -> None:
    code = "import sys, bot.engine, bot.engine.options; sys.exit('torch' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0  # noqa: S603 - our own code
