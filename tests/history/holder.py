"""A process to kill: `python -m tests.history.holder FOLDER` locks it, says so, and waits for its end."""

import sys
from pathlib import Path

from bot.history.lock import lock_data_dir

if __name__ == "__main__":
    with lock_data_dir(Path(sys.argv[1])):
        sys.stdout.write("locked\n")
        sys.stdout.flush()
        sys.stdin.read()
