"""The contact sheet: scene, controls and their blend side by side, each with its name and weight.

Layout and drawing only; pure functions of images and words. What is the same in every frame is drawn
once, when the sheet is made.
"""

import textwrap
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from cosmos.local_ai.controls import Image

GRAIN = 10
"""Largest change of brightness by the noise of a seed, of 255."""

_BACKGROUND, _PANEL = (18, 20, 24), (34, 37, 43)
_BRIGHT, _DIM, _ACCENT = (236, 238, 240), (150, 156, 164), (118, 185, 0)
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_COLUMNS = {1: 1, 2: 2, 3: 3, 4: 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One picture of the sheet; `weight` is None for what is no control."""

    name: str
    weight: float | None = None


class Sheet:
    """Draws frames of one size.

    Args:
        panels: In reading order.
        width: Of the scene, in pixels.
        height: Of the scene, in pixels.
        tile: Height of one picture on the sheet, in pixels.
        lines: Words below the pictures, the first one bright.
        counter: The widest words that `frame` is given, for the lower right corner.
    """

    def __init__(
        self, panels: Sequence[Panel], *, width: int, height: int, tile: int, lines: Sequence[str], counter: str = ""
    ) -> None:
        self._tile = (_even(tile * width / height), _even(tile))
        self._unit = max(8, tile // 10)  # height of a line of text, with its air
        self._gap = _even(self._unit / 2)
        columns = _COLUMNS.get(len(panels), 3)
        rows = -(-len(panels) // columns)
        self._cell = (self._tile[0] + self._gap, self._tile[1] + _even(self._unit * 1.4) + self._gap)
        self.width = columns * self._cell[0] + self._gap
        self._foot = rows * self._cell[1] + self._gap
        self._room = self.width - 3 * self._gap - _width_of(counter, self._scale)
        wrapped = [row for line in lines for row in self._wrap(line)]
        self.height = self._foot + _even(self._unit * (1.2 * len(wrapped) + 0.6))
        self._corners = [self._corner(index, columns) for index in range(len(panels))]
        self._base = self._draw(panels, wrapped, bright=len(self._wrap(lines[0])) if lines else 0)

    @property
    def tile_shape(self) -> tuple[int, int]:
        """Rows and columns of one picture."""
        return self._tile[1], self._tile[0]

    def tile(self, image: Image) -> Image:
        """A picture at the size it has on the sheet."""
        smaller = image.shape[0] > self._tile[1]
        how = cv2.INTER_AREA if smaller else cv2.INTER_CUBIC
        return np.asarray(cv2.resize(image, self._tile, interpolation=how), dtype=np.uint8)

    def frame(self, tiles: Sequence[Image], counter: str) -> Image:
        """The sheet with these pictures, one for each panel."""
        sheet = self._base.copy()
        for (left, top), tile in zip(self._corners, tiles, strict=True):
            sheet[top : top + tile.shape[0], left : left + tile.shape[1]] = tile
        self._text(sheet, counter, right=self.width - self._gap, base=self._foot + self._unit, color=_DIM)
        return sheet

    def _corner(self, index: int, columns: int) -> tuple[int, int]:
        row, column = divmod(index, columns)
        return self._gap + column * self._cell[0], self._cell[1] * (row + 1) - self._tile[1]

    def _draw(self, panels: Sequence[Panel], rows: Sequence[str], *, bright: int) -> Image:
        sheet = np.empty((self.height, self.width, 3), dtype=np.uint8)
        sheet[:] = _BACKGROUND
        for panel, (left, top) in zip(panels, self._corners, strict=True):
            self._label(sheet, panel, left, top)
        for number, row in enumerate(rows):
            base = self._foot + round(self._unit * (1 + 1.2 * number))
            self._text(sheet, row, left=self._gap, base=base, color=_BRIGHT if number < bright else _DIM)
        return sheet

    def _label(self, sheet: Image, panel: Panel, left: int, top: int) -> None:
        """Name on the left, weight on the right, and the weight again as a bar along the picture."""
        height, width = _even(self._unit * 1.4), self._tile[0]
        sheet[top - height : top, left : left + width] = _PANEL
        base = top - round(height * 0.35)
        self._text(sheet, panel.name, left=left + self._gap, base=base, color=_BRIGHT)
        if panel.weight is not None:
            words = f"{panel.weight:.3f}".rstrip("0").rstrip(".")
            color = _ACCENT if panel.weight else _DIM
            self._text(sheet, words, right=left + width - self._gap, base=base, color=color)
            sheet[top - max(2, height // 12) : top, left : left + round(width * panel.weight)] = _ACCENT

    def _text(
        self,
        sheet: Image,
        words: str,
        *,
        base: int,
        color: tuple[int, int, int],
        left: int = 0,
        right: int | None = None,
    ) -> None:
        if right is not None:
            left = right - _width_of(words, self._scale)
        cv2.putText(sheet, words, (left, base), _FONT, self._scale, color, self._stroke, cv2.LINE_AA)

    @property
    def _scale(self) -> float:
        return self._unit / 34

    @property
    def _stroke(self) -> int:
        return max(1, self._unit // 20)

    def _wrap(self, line: str, rows: int = 2) -> list[str]:
        """At most `rows` rows that leave room for the counter; what does not fit ends in dots."""
        letter = _width_of("the quick brown fox", self._scale) / 19
        return textwrap.wrap(plain(line), max(12, int(self._room / letter)), max_lines=rows, placeholder=" ...")


def blend(color: Image, signals: Mapping[str, Image], weights: Mapping[str, float], grain: Image) -> Image:
    """Controls by their weights; what they leave up to 1 is the scene. `grain` is grey around 128."""
    mixed = color.astype(np.float32) * max(0.0, 1 - sum(weights.values()))
    for name, image in signals.items():
        mixed += image.astype(np.float32) * weights[name]
    mixed += (grain.astype(np.float32) - 128) * (GRAIN / 128)
    return np.asarray(np.clip(np.rint(mixed), 0, 255), dtype=np.uint8)


def plain(text: str) -> str:
    """Text in the letters that OpenCV can draw; others lose their marks or become `?`."""
    parts = unicodedata.normalize("NFKD", " ".join(text.split()))
    letters = "".join(letter for letter in parts if not unicodedata.combining(letter))
    return letters.encode("ascii", "replace").decode("ascii")


def _width_of(words: str, scale: float) -> int:
    (width, _), _ = cv2.getTextSize(words, _FONT, scale, 1)
    return int(width)


def _even(value: float) -> int:
    return max(2, 2 * round(value / 2))
