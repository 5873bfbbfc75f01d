"""Rows against the time of a step, for each model and size, and where more rows stop paying.

    python -m benchmarks.knee --json --plot docs/images/knee.png

For each model of the catalogue and each of its sizes (square, wide), `ms` has the best of a few forwards
at 1, 2, 4 ... rows, `rows_per_s` what that makes, and `knee` the last doubling that gains at least 10%.
"""

import argparse
import json
import time
from functools import partial
from pathlib import Path
from typing import Any, Final

import torch
from matplotlib.figure import Figure

from bot.core.catalog import Catalog, ModelSpec
from bot.engine.families import find_family
from bot.engine.host import Host
from bot.engine.loading import load_model
from bot.engine.options import EngineOptions
from bot.engine.profile import Profile, measure
from bot.settings import Settings
from bot.wiring import load_catalog

ASPECTS: Final = (1.0, 1.5)
MOST_ROWS: Final = 32


def profiles(spec: ModelSpec, device: str) -> dict[str, Profile]:
    """One profile for each size of a model; none for a model that shares no forwards."""
    model = load_model(spec, EngineOptions(device=device), device)
    family = find_family(model.text_to_image)
    if family is None:
        return {}
    found = {}
    with torch.no_grad():
        for width, height in map(spec.size_for, ASPECTS):
            forward = partial(family.warm_up, width=width, height=height)
            found[f"{spec.name} {width}x{height}"] = measure(
                forward, MOST_ROWS, time.perf_counter, thorough=True
            )
    return found


def figures(profile: Profile) -> dict[str, Any]:
    """A profile, rounded for reading."""
    return {
        "ms": {rows: round(ms, 2) for rows, ms in profile.ms.items()},
        "rows_per_s": {rows: round(rows / ms * 1000, 1) for rows, ms in profile.ms.items()},
        "knee": profile.knee,
    }


def plot(found: dict[str, Profile], path: Path) -> None:
    """Rows per second over rows, the knees marked."""
    figure = Figure(figsize=(7, 4.2), layout="constrained")
    axes = figure.subplots()
    for name, profile in found.items():
        rows = sorted(profile.ms)
        speed = [count / profile.ms[count] * 1000 for count in rows]
        [line] = axes.plot(rows, speed, marker="o", label=f"{name} (knee {profile.knee})")
        axes.plot(
            profile.knee, speed[rows.index(profile.knee)], "o", markersize=13, alpha=0.35,
            color=line.get_color(),
        )  # fmt: skip
    axes.set_xscale("log", base=2)
    axes.set_xticks([2**power for power in range(6)], [str(2**power) for power in range(6)])
    axes.set(xlabel="rows of one forward", ylabel="rows per second", ylim=(0, None))
    axes.set_title("More rows pay up to the knee")
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    figure.savefig(path, dpi=130)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--plot", type=Path, help="write a PNG there")
    options = parser.parse_args()
    catalog: Catalog = load_catalog(Settings())
    device = Host(catalog, EngineOptions()).device
    found = {name: profile for spec in catalog for name, profile in profiles(spec, device).items()}
    if options.plot:
        plot(found, options.plot)
    told = {name: figures(profile) for name, profile in found.items()}
    print(json.dumps(told) if options.json else "\n".join(f"{k}: {v}" for k, v in told.items()))


if __name__ == "__main__":
    main()
