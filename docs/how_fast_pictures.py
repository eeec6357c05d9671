"""The two pictures of how-fast-can-a-convolution-be.md: the ladder, and the roof of the machine."""

from benchmarks.ladder import in_words
from nnscratch.plotting.style import BLUE, FAINT, INK, ORANGE, QUIET, Picture, styled

LABELS = {
    "seven loops": "seven loops in Python",
    "compiled": "the same, compiled",
    "other order": "pixels innermost",
    "im2col": "im2col and BLAS",
    "tables": "tables of offsets",
    "tile": "register tile",
    "torch": "PyTorch, channels last",
}


@styled
def ladder(ms, rates, caption):
    """Draw the time of an image on every rung, on a logarithmic scale, from {name: ms} and {name: GFLOP/s}."""
    colours = [ORANGE if name == "tile" else QUIET if name == "torch" else BLUE for name in LABELS]
    figure = Picture(figsize=(8, 4))
    axes = figure.subplots()
    axes.barh(list(LABELS.values()), [ms[name] for name in LABELS], color=colours, height=0.62)
    axes.set_xscale("log")
    axes.invert_yaxis()
    low, high = axes.get_xlim()
    axes.set_xlim(low / 2, high * 40)
    for place, name in enumerate(LABELS):
        label = f"  {in_words(ms[name])}   {float(f'{rates[name]:.3g}'):g} GFLOP/s"
        axes.text(ms[name], place, label, va="center", color=INK)
    axes.set_xticks([0.1, 1, 10, 100, 1000])
    axes.grid(False, axis="y")
    axes.grid(True, axis="x")
    axes.tick_params(axis="y", labelcolor=INK)
    axes.xaxis.set_major_formatter("{x:g}")
    axes.tick_params(which="minor", length=0)
    axes.set_xlabel("milliseconds an image on one core, each line ten times the one before")
    axes.set_title("One convolution, rung by rung")
    axes.set_title(caption, loc="right", fontsize=8, fontweight="normal", color=QUIET)
    return figure


@styled
def roofline(rates, intensities, caption):
    """Draw the roof of one core (Williams et al. 2009), and where the rungs stand below it.

    rates: {name: GFLOP/s}, with the peak, and "copy" in GB/s; intensities: {name: operations a byte}.
    """
    peak, bandwidth = rates["peak"], rates["copy"]
    figure = Picture(figsize=(8, 4.4))
    axes = figure.subplots()
    left, right, bottom, corner = 0.5, 2000, 1.5, peak / bandwidth
    roof = [left, corner, right], [left * bandwidth, peak, peak]
    axes.fill_between(*roof, 1e4, color=FAINT, alpha=0.5, linewidth=0)
    axes.plot(*roof, color=INK)
    axes.text(right * 0.9, peak * 1.15, f"peak: {peak:.0f} GFLOP/s", color=INK, ha="right")
    axes.text(left * 1.15, left * bandwidth * 5.5, f"memory: {bandwidth:.0f} GB/s", color=INK)
    for share, what in (2, "vectors half as wide"), (16, "no vectors"):
        axes.plot([corner / share, right], [peak / share] * 2, color=QUIET, linewidth=0.9, linestyle=(0, (4, 3)))
        axes.text(right * 0.9, peak / share * 0.9, what, color=QUIET, ha="right", va="top", fontsize=8.5)
    for name, x in intensities.items():
        y, label = rates[name], LABELS[name]
        if y < bottom:
            label += f": {y:.1g} GFLOP/s, a long way down"
        colour, side = ORANGE if name == "tile" else BLUE, 1 if name == "other order" else -1
        axes.plot(x, max(y, bottom * 1.15), "v" if y < bottom else "o", color=colour, markersize=7)
        place = x * 1.18**side, max(y, bottom * 1.15)
        axes.text(*place, label, color=INK, va="center", ha="left" if side > 0 else "right")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlim(left, right)
    axes.set_ylim(bottom, 1000)
    for axis in axes.xaxis, axes.yaxis:
        axis.set_major_formatter("{x:g}")
        axis.set_tick_params(which="minor", length=0)
    axes.grid(True, axis="both")
    axes.set_xlabel("operations for each byte that passes between core and memory")
    axes.set_ylabel("GFLOP/s of one core")
    axes.set_title("The roof of one core")
    axes.set_title(caption, loc="right", fontsize=8, fontweight="normal", color=QUIET)
    return figure
