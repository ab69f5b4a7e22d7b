"""The figures of benchmarks.kernels, one for each question; matplotlib is needed for nothing else."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from benchmarks.kernel_streams import ALL, BOTH, MD5, SHA256


def draw(
    directory: Path,
    yardsticks: Mapping[str, float],
    streams: Mapping[tuple[str, str, int], float],
    places: Iterable[str],
) -> None:
    """Write kernels_streams.png and kernels_features.png."""
    directory.mkdir(exist_ok=True)
    _speed_by_streams(directory / "kernels_streams.png", yardsticks, streams, list(places))
    _cost_by_feature(directory / "kernels_features.png", yardsticks, streams)


def _speed_by_streams(
    path: Path,
    yardsticks: Mapping[str, float],
    streams: Mapping[tuple[str, str, int], float],
    places: list[str],
) -> None:
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, len(places), figsize=(11, 4.5), sharey=True, layout="constrained")
    lines = {MD5: ("C0", "MD5"), SHA256: ("C1", "SHA256"), ALL: ("C3", "sequence")}
    for place, axis in zip(places, axes, strict=True):
        for feature, (colour, yardstick) in lines.items():
            points = {n: rate for (name, where, n), rate in streams.items() if (name, where) == (feature.name, place)}
            axis.plot(list(points), list(points.values()), "o-", color=colour, label=feature.name)
            axis.axhline(
                yardsticks[yardstick], color=colour, linestyle=":", label=f"libcrypto on one core: {yardstick}"
            )
        axis.set(title=place, xlabel="streams", xscale="log", yscale="log")
        axis.set_xticks([1, 2, 4, 8, 16, 32], ["1", "2", "4", "8", "16", "32"], minor=False)
        axis.minorticks_off()
        axis.set_yticks([0.25, 0.5, 1, 2, 4, 8, 16], ["0.25", "0.5", "1", "2", "4", "8", "16"])
        axis.grid(alpha=0.3)
    axes[0].set_ylabel("GB/s, all streams together")
    axes[0].legend(fontsize=7)
    figure.suptitle("How fast are n streams in threads?")
    figure.savefig(path, dpi=110)


def _cost_by_feature(
    path: Path, yardsticks: Mapping[str, float], streams: Mapping[tuple[str, str, int], float]
) -> None:
    from matplotlib import pyplot

    cost = {name: 1 / rate for name, rate in yardsticks.items()}
    libcrypto = [cost["MD5"], cost["MD5"] + cost["SHA256"], cost["sequence"]]
    features = (MD5, BOTH, ALL)
    figure, axis = pyplot.subplots(figsize=(8, 4.5), layout="constrained")
    series = {"libcrypto, one call after the other": libcrypto}
    for n in (1, 16, 32):
        series[f"{n} stream{'s' * (n > 1)}, one core"] = [
            1 / streams[feature.name, "one core", n] for feature in features
        ]
    for i, (label, values) in enumerate(series.items()):
        places = [x + 0.2 * i for x in range(len(features))]
        axis.bar(places, values, 0.18, label=label)
        for x, value in zip(places, values, strict=True):
            axis.text(x, value, f"{value:.2f}", ha="center", va="bottom", fontsize=7)
    axis.set_xticks(
        [x + 0.3 for x in range(len(features))], ["MD5", "+ SHA-256", "+ CRC64NVME (ours only)\n+ AES-256-GCM"]
    )
    axis.set_ylabel("nanoseconds a byte")
    axis.legend(fontsize=8)
    figure.suptitle("What does each feature cost?")
    figure.savefig(path, dpi=110)
