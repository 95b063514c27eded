"""What a phantom cohort is made from, and how much each modality then knows.

Every finding k is drawn by itself, y_k ~ Bernoulli(prevalence); `any` is the maximum. Given y, all evidence is
independent:

- an image modality shows every finding as a patch of density `BASE_HU + GAIN_HU * z`, z ~ N(delta * y, 1), with delta
  the modality's separation. Without the finding the patch is a mimic. Log LR: delta * z - delta^2 / 2.
- the report carries two cues a finding with P(cue | y=1) = L / (1 + L) and P(cue | y=0) = 1 / (1 + L), L being
  `report_likelihood_ratio`. Log LR: + log L for a cue that is present, - log L for one that is absent.

So the best possible AUROC of one finding is Phi(delta / sqrt 2) from an image and, with a = L / (1 + L) and b = 1 - a,
a^2 (1 + 2ab + 2b^2) from the report. For a study with both, the difference of two log-odds is a mixture of normals of
variance 2 delta^2, one component a pair of cue counts. With the defaults:

=================  ========  =======
shown              finding   any
=================  ========  =======
image              0.871     0.787
enhanced           0.940     0.881
report             0.802     0.724
image+report       0.927     0.860
enhanced+report    0.964     0.921
=================  ========  =======

(`any` has no closed form: simulated with a million studies.)

That is `strength: apart`. With `strength: shared` a lesion has one strength s, N(delta * y, 1) with the delta of
`enhanced`, which shows it as it is; `image` shows a degraded copy of the same s, z = r * s + sqrt(1 - r^2) * e, with e
~ N(0, 1) and r = image_separation / enhanced_separation. The label is then a noisy reading of the strength,
P(y=1 | s) = sigmoid(logit(prevalence) + delta * s - delta^2 / 2), and s tells more of z than the label does: given y,
their correlation is r, not 0. Each modality alone keeps its law, z ~ N(image_separation * y, 1) for `image`, and its
best AUROC; beside `enhanced`, `image` adds nothing.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

from mmdx.errors import UsageError

FINDINGS: tuple[str, ...] = ("epidural", "intraparenchymal", "intraventricular", "subarachnoid", "subdural")
ANY = "any"
IMAGES = ("image", "enhanced")
REPORT = "report"
Strength = Literal["apart", "shared"]
"""Whether the strengths of a lesion in two modalities are independent once its label is known."""
MODALITIES = (*IMAGES, REPORT)

BASE_HU = 8.0
"""Density of a patch of strength 0 above the tissue it lies in."""
GAIN_HU = 11.0
"""Density that one unit of strength adds. Strengths from -3 to 4 stay within a brain window (level 40, width 80)."""


@dataclass(frozen=True)
class Recipe:
    """All options of a cohort; equal recipes make equal files.

    `patients` counts patients, of whom about a tenth have two studies; a smaller cohort is the start of a larger one of
    the same options. `matrix` is the side of a slice in pixels, `noise` its standard deviation in HU.

    `strength` is `apart` where each image modality draws the strength of a lesion by itself, `shared` where `image`
    shows a degraded copy of what `enhanced` shows; labels and what `enhanced` shows are the same in both.
    `image_contrast` is the share of `BASE_HU` and `GAIN_HU` that patches of `image` have: fainter ones tell as much, to
    within the noise of a pixel, and are harder to learn to see.

    Planted faults, all off by default: `leak` states the answer in every report; `shortcut` ties the scanner, which
    then burns a marker into its slices, to `any`; `duplicates` is the share of patients whose images also appear under
    another patient's name; `missing_*` are the shares of studies that lack a modality (one always stays). The recorded
    log-odds know nothing of a leak or a shortcut: they are what honest evidence can tell.

    Raises `UsageError` with every impossible value.
    """

    patients: int = 400
    seed: int = 0
    prevalence: float = 0.13
    image_separation: float = 1.6
    enhanced_separation: float = 2.2
    report_likelihood_ratio: float = 2.5
    matrix: int = 96
    noise: float = 4.0
    strength: Strength = "apart"
    image_contrast: float = 1.0
    leak: bool = False
    shortcut: bool = False
    duplicates: float = 0.0
    missing_image: float = 0.0
    missing_enhanced: float = 0.0
    missing_report: float = 0.0

    def __post_init__(self) -> None:
        least = {"patients": 1, "seed": 0, "image_separation": 0, "enhanced_separation": 0, "matrix": 64, "noise": 0}
        problems = [
            f"{k} is {getattr(self, k)}; give {v} or more" for k, v in least.items() if not getattr(self, k) >= v
        ]
        if not 0 < self.prevalence < 1:
            problems.append(f"prevalence is {self.prevalence}; give a share between 0 and 1")
        if not self.report_likelihood_ratio >= 1:
            problems.append(f"report_likelihood_ratio is {self.report_likelihood_ratio}; give 1 (no evidence) or more")
        if not 0 < self.image_contrast <= 1:
            problems.append(f"image_contrast is {self.image_contrast}; give a share above 0, at most 1")
        for share in ("duplicates", *(f"missing_{name}" for name in MODALITIES)):
            if not 0 <= getattr(self, share) <= 1:
                problems.append(f"{share} is {getattr(self, share)}; give a share from 0 to 1")
        if self.strength == "shared" and not self.image_separation <= self.enhanced_separation > 0:
            problems.append(
                f"image_separation is {self.image_separation}, above an enhanced_separation of "
                f"{self.enhanced_separation} or 0, of which strength=shared makes it a degraded copy; give less"
            )
        if all(self.missing(name) >= 1 for name in MODALITIES):
            problems.append("missing_image, missing_enhanced and missing_report are all 1: no study would be left")
        if problems:
            raise UsageError([f"phantom: {problem}" for problem in problems])

    def separation(self, modality: str) -> float:
        """The distance of the mean strengths with and without a finding, in standard deviations."""
        return {"image": self.image_separation, "enhanced": self.enhanced_separation}[modality]

    @property
    def copied(self) -> float:
        """The share r of a shared strength that `image` shows, the rest being noise."""
        return self.image_separation / self.enhanced_separation

    def missing(self, modality: str) -> float:
        """The share of studies that lack the modality."""
        shares = {"image": self.missing_image, "enhanced": self.missing_enhanced, "report": self.missing_report}
        return shares[modality]

    def as_json(self) -> dict[str, Any]:
        """The options, without those that came later at their defaults: cohorts made before are the same, UIDs too."""
        later = {"strength": Recipe.strength, "image_contrast": Recipe.image_contrast}
        return {name: value for name, value in asdict(self).items() if name not in later or value != later[name]}

    def contrast(self, modality: str) -> float:
        """The share of the full density that patches of a modality have."""
        return self.image_contrast if modality == "image" else 1.0

    def differences(self, other: dict[str, Any]) -> list[str]:
        """The options in which `other`, read back from a file, is another recipe: `patients=400, not 10`."""
        options = self.as_json()
        names = [*(f.name for f in fields(self)), *(name for name in other if name not in options)]
        return [f"{n}={other.get(n)}, not {options.get(n)}" for n in names if other.get(n) != options.get(n)]
