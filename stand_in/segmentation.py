"""Finds the subject of a picture and cuts it out: no trained model, only colours, sharpness and where things stand.

The first guess comes from colour statistics (the middle of the picture against its upper frame) and from the place.
Where the background is out of focus, it also comes from sharpness. GrabCut then works on a small copy, and the result
is tidied. A guided filter (He, Sun and Tang 2013; fast variant 2015) makes an alpha channel that follows the edges of
the full-size picture. The weights were found by looking at the results for the photos in `samples/`.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from stand_in.cutouts import cut_by_ellipse, with_alpha

cv2.setNumThreads(1)  # several pictures are worked on at once; more threads would only fight over the cores

Floats = npt.NDArray[np.float32]
Bytes = npt.NDArray[np.uint8]

SEARCH_SIDE = 320  # longest side of the copy in which the subject is searched
REFINE_SIDE = 1024  # longest side of the copy in which the alpha channel is fitted to the edges
SMALLEST_SUBJECT, LARGEST_SUBJECT = 0.01, 0.97  # shares of the picture; outside them the search has failed


def cut_by_segmentation(picture: Image.Image) -> Image.Image:
    """The picture with all but its subject transparent; cut by an ellipse where no subject can be found."""
    rgb = np.asarray(picture.convert("RGB"))
    subject = find_subject(_shrunk(rgb, SEARCH_SIDE))
    if not SMALLEST_SUBJECT < float(subject.mean()) < LARGEST_SUBJECT:
        return cut_by_ellipse(picture)
    alpha = refined_alpha(rgb, subject)
    cutout = with_alpha(
        Image.fromarray(clean_edges(rgb, alpha)), Image.fromarray((alpha * 255).round().astype(np.uint8))
    )
    if picture.mode in ("RGBA", "LA", "PA"):
        cutout = with_alpha(cutout, picture.getchannel("A"))
    return cutout


def find_subject(small: Bytes) -> Bytes:
    """1 where the subject is, 0 elsewhere, for a small RGB picture."""
    side = max(small.shape[:2])
    guess = _first_guess(small)
    subject = _large_pieces(_grab_cut(small, _labels(guess)))
    subject = _filled(subject, 0.02 * side, bottom_is_subject=guess.touches_bottom)
    subject = np.asarray(cv2.morphologyEx(subject, cv2.MORPH_OPEN, _disc(0.006 * side)), np.uint8)
    return _large_pieces(subject)


def _grab_cut(small: Bytes, labels: Bytes) -> Bytes:
    """The majority of three runs: each starts at random, and now and then one goes astray."""
    votes = np.zeros(labels.shape, np.uint8)
    if (labels & 1).all() or not (labels & 1).any():
        return votes  # nothing to tell apart
    for seed in (1, 2, 3):  # the same picture gives the same cut-out
        cv2.setRNGSeed(seed)
        run = labels.copy()
        background, foreground = np.zeros((1, 65)), np.zeros((1, 65))
        cv2.grabCut(small, run, (0, 0, 0, 0), background, foreground, 4, cv2.GC_INIT_WITH_MASK)
        votes += run & 1
    return (votes >= 2).astype(np.uint8)


@dataclass(frozen=True)
class _Guess:
    """`evidence` is by what is seen, `score` by the place as well; both are over 0 for the subject.

    From `sure_score` on it is surely the subject.
    """

    evidence: Floats
    score: Floats
    sure_score: float

    @property
    def frame_width(self) -> int:
        return max(2, int(0.03 * max(self.score.shape)))

    @property
    def touches_bottom(self) -> bool:
        return _is_subject(self.evidence[-self.frame_width :])


def _first_guess(small: Bytes) -> _Guess:
    centrality = _centrality(small.shape[0], small.shape[1])
    colour = np.clip(_colour_evidence(small), -3, 3).astype(np.float32)
    sharpness, worth = _sharpness_evidence(small, centrality)
    return _Guess(
        evidence=colour + (0.7 + 0.2 * worth) * sharpness,
        score=colour + (2.5 - 0.8 * worth) * (centrality - 0.25) + (0.5 + 0.2 * worth) * sharpness,
        # the less the colours tell, the less GrabCut, which knows nothing else, is to be trusted
        sure_score=float(np.clip(1 + 1.8 * (np.percentile(colour, 90) - 1.5), 0.9, 2.5)),
    )


def _labels(guess: _Guess) -> Bytes:
    """What GrabCut starts from: surely or probably the subject or the background."""
    score, side = guess.score, max(guess.score.shape)
    probably = _filled((score > 0).astype(np.uint8), 0.01 * side, bottom_is_subject=guess.touches_bottom)
    labels = np.where(probably, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    labels[_filled((score >= -2).astype(np.uint8), 0, bottom_is_subject=False) == 0] = cv2.GC_BGD
    labels[cv2.erode((score > guess.sure_score).astype(np.uint8), np.ones((3, 3))) > 0] = cv2.GC_FGD
    x, y = _coordinates(*score.shape)
    labels[((x - 0.5) / 0.1) ** 2 + ((y - 0.55) / 0.15) ** 2 < 1] = cv2.GC_FGD
    _close_the_frame(labels, guess)
    return labels


def _close_the_frame(labels: Bytes, guess: _Guess) -> None:
    """The frame is background, but for sides that the subject touches and for places that speak clearly for it."""
    width = guess.frame_width
    for strip in (np.s_[:width], np.s_[-width:], np.s_[:, :width], np.s_[:, -width:]):
        evidence = guess.evidence[strip]
        if not _is_subject(evidence):
            labels[strip] = np.where(evidence > 1, labels[strip] | cv2.GC_PR_BGD, cv2.GC_BGD)


def _is_subject(evidence: Floats) -> bool:
    """Whether a strip of the frame is mostly the subject."""
    return float((evidence > 0).mean()) > 0.45


def _centrality(height: int, width: int) -> Floats:
    """1 a little below the centre, 0 on an ellipse that touches the sides; below, subjects stand on the frame."""
    x, y = _coordinates(height, width)
    return np.asarray(1 - np.hypot((x - 0.5) / 0.5, (y - 0.55) / np.where(y < 0.55, 0.55, 1.2)), np.float32)


def _coordinates(height: int, width: int) -> tuple[Floats, Floats]:
    """x and y of each pixel, as shares of width and height."""
    y, x = np.mgrid[:height, :width].astype(np.float32)
    return x / width, y / height


def _colour_evidence(small: Bytes) -> Floats:
    """The logarithm of how much more a colour belongs to the middle than to the frame, the upper corners above all."""
    height, width = small.shape[:2]
    x, y = _coordinates(height, width)
    lab = cv2.cvtColor(small, cv2.COLOR_RGB2LAB).astype(np.int32)
    bins = (lab[..., 0] // 16) * 1024 + (lab[..., 1] // 8) * 32 + lab[..., 2] // 8
    strip = int(0.08 * max(height, width))
    frame = np.zeros((height, width), np.float32)
    frame[:, :strip] = frame[:, -strip:] = (np.clip(1 - y, 0.15, 1) ** 1.5)[:, :1]
    frame[:strip] = np.maximum(frame[:strip], (np.abs(x - 0.5) * 2)[:strip] ** 1.5)
    middle = (((x - 0.5) / 0.28) ** 2 + ((y - 0.52) / 0.32) ** 2 < 1).astype(np.float32)
    ratio = np.log((_histogram(bins, middle) + 1e-5) / (_histogram(bins, frame) + 1e-5))
    return np.asarray(cv2.GaussianBlur(ratio[bins].astype(np.float32), (0, 0), 2), np.float32)


def _histogram(bins: npt.NDArray[np.int32], weights: Floats) -> Floats:
    """The share of each colour, smoothed over its neighbours, flat."""
    counts = np.bincount(bins.ravel(), weights.ravel(), 16 * 32 * 32).astype(np.float32).reshape(16, 32, 32)
    planes = np.stack([cv2.GaussianBlur(plane, (0, 0), 1) for plane in counts])
    smooth = np.asarray(cv2.GaussianBlur(planes.reshape(16, 1024), (1, 5), 1), np.float32)
    return np.asarray(smooth.ravel() / smooth.sum(), np.float32)


def _sharpness_evidence(small: Bytes, centrality: Floats) -> tuple[Floats, float]:
    """How sharp each place is, and the weight of that: 0 if the frame is as sharp as the middle, up to 1.5."""
    grey = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY).astype(np.float32)
    edges = np.minimum(np.abs(cv2.Laplacian(grey, cv2.CV_32F, ksize=3)), 40)
    sharpness = cv2.GaussianBlur(edges, (0, 0), max(grey.shape) / 40)
    strip = int(0.08 * max(grey.shape))
    frame = np.concatenate([sharpness[:strip].ravel(), sharpness[:, :strip].ravel(), sharpness[:, -strip:].ravel()])
    in_middle, in_frame = float(np.median(sharpness[centrality > 0.5])), float(np.median(frame))
    spread = float(sharpness.std()) + 1e-6
    worth = float(np.clip((in_middle - in_frame) / spread, 0, 1.5))
    return np.clip((sharpness - (in_middle + in_frame) / 2) / spread * worth, -1.2, 2).astype(np.float32), worth


def _large_pieces(mask: Bytes) -> Bytes:
    """Without the pieces that are small against the largest."""
    _, pieces, figures, _ = cv2.connectedComponentsWithStats(mask, connectivity=4)
    areas = figures[:, cv2.CC_STAT_AREA].copy()
    areas[0] = 0  # the background
    return np.isin(pieces, np.flatnonzero(areas >= max(1, 0.08 * areas.max()))).astype(np.uint8)


def _filled(mask: Bytes, gap: float, *, bottom_is_subject: bool) -> Bytes:
    """With everything set that cannot be reached from the frame, gaps of the radius closed for a moment."""
    margin = int(gap) + 2
    wide = cv2.copyMakeBorder(mask, margin, margin, margin, margin, cv2.BORDER_CONSTANT, value=0)
    if bottom_is_subject:
        wide[-margin:, margin:-margin] = 1
    if gap >= 1:
        wide = cv2.morphologyEx(wide, cv2.MORPH_CLOSE, _disc(gap))
    wide = cv2.copyMakeBorder(wide, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    cv2.floodFill(wide, None, (0, 0), 2)
    inner = slice(margin + 1, -margin - 1)
    return np.asarray(wide[inner, inner] != 2, np.uint8)


def _disc(radius: float) -> Bytes:
    size = 2 * int(radius) + 1
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size)), np.uint8)


def refined_alpha(rgb: Bytes, subject: Bytes) -> Floats:
    """Alpha from 0 to 1 at the picture's size, along the picture's own edges."""
    height, width = rgb.shape[:2]
    full = np.asarray(rgb, np.float32) / np.float32(255)
    guide = np.asarray(_shrunk(rgb, REFINE_SIDE), np.float32) / np.float32(255)
    scale = max(guide.shape[:2]) / max(subject.shape)
    coarse = cv2.resize(subject.astype(np.float32), guide.shape[1::-1], interpolation=cv2.INTER_CUBIC)
    soft = np.asarray(cv2.GaussianBlur(coarse, (0, 0), 0.6 * scale), np.float32).clip(0, 1)
    slopes, offset = _guided_filter(guide, soft, radius=round(2.5 * scale), epsilon=3e-4)
    alpha = np.asarray(cv2.resize(offset, (width, height)), np.float32)
    for channel in range(3):
        alpha += np.asarray(cv2.resize(slopes[..., channel], (width, height)), np.float32) * full[..., channel]
    alpha = np.clip((alpha - 0.12) / 0.76, 0, 1)  # a little steeper: the filter leaves a veil
    return _certain_inside_and_outside(alpha, subject)


def _certain_inside_and_outside(alpha: Floats, subject: Bytes) -> Floats:
    """Only a narrow band along the outline is in doubt."""
    reach = _disc(0.016 * max(subject.shape))
    size = alpha.shape[1::-1]
    inside = cv2.resize(
        cv2.erode(subject, reach, borderType=cv2.BORDER_REPLICATE).astype(np.float32),
        size,
        interpolation=cv2.INTER_LINEAR,
    )
    outside = cv2.resize(1 - cv2.dilate(subject, reach).astype(np.float32), size, interpolation=cv2.INTER_LINEAR)
    return np.asarray(np.clip(np.maximum(alpha, inside) * (1 - outside), 0, 1), np.float32)


def _guided_filter(guide: Floats, target: Floats, *, radius: int, epsilon: float) -> tuple[Floats, Floats]:
    """Slopes and offset of the linear model of the target by the guide's colours, around each pixel."""

    def mean(values: Floats) -> Floats:
        return np.asarray(cv2.blur(values, (2 * radius + 1, 2 * radius + 1)), np.float32)

    mean_guide, mean_target = mean(guide), mean(target)
    covariance = mean(guide * target[..., None]) - mean_guide * mean_target[..., None]
    variance = np.empty((*target.shape, 3, 3), np.float32)
    for row in range(3):
        for column in range(row, 3):
            product = mean(guide[..., row] * guide[..., column])
            variance[..., row, column] = product - mean_guide[..., row] * mean_guide[..., column]
            variance[..., column, row] = variance[..., row, column]
    variance += epsilon * np.eye(3, dtype=np.float32)
    slopes = np.linalg.solve(variance, covariance[..., None])[..., 0].astype(np.float32)
    offset = mean_target - (slopes * mean_guide).sum(axis=-1)
    return mean(slopes), mean(offset)


def clean_edges(rgb: Bytes, alpha: Floats) -> Bytes:
    """The picture with the subject's own colours along its outline, and black where nothing is to be seen."""
    reach = max(3, int(0.012 * max(alpha.shape))) | 1
    solid = (alpha > 0.97).astype(np.float32)
    near = cv2.blur(solid, (reach, reach))
    colours = cv2.blur(rgb.astype(np.float32) * solid[..., None], (reach, reach)) / np.maximum(near, 1e-3)[..., None]
    share = ((1 - alpha) * np.minimum(1, near * 8))[..., None]
    cleaned = rgb * (1 - share) + colours * share
    cleaned[alpha <= 1 / 510] = 0
    return np.asarray(np.clip(cleaned, 0, 255).round(), np.uint8)


def _shrunk(rgb: Bytes, longest_side: int) -> Bytes:
    height, width = rgb.shape[:2]
    scale = longest_side / max(height, width)
    if scale >= 1:
        return rgb
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8)
