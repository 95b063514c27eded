"""Random effects over sites, against statsmodels."""

import numpy as np
import pytest
from scipy.stats import t
from statsmodels.stats.meta_analysis import combine_effects

from mmdx.stats.sections.folds.heterogeneity import pool

VARIANCES = np.array([0.0009, 0.0016, 0.0004, 0.0025])


@pytest.mark.filterwarnings("ignore:invalid value encountered in sqrt:RuntimeWarning")
@pytest.mark.parametrize("values", [[0.81, 0.74, 0.9, 0.69], [0.8, 0.79, 0.81, 0.8]])
def test_as_statsmodels(values):
    ours = pool(np.array(values), VARIANCES)
    other = combine_effects(np.array(values), VARIANCES, method_re="dl")
    assert ours is not None
    tau2 = max(other.tau2, 0.0)
    weights = 1 / (VARIANCES + tau2)
    assert ours.tau**2 == pytest.approx(tau2)
    assert ours.value == pytest.approx((weights * values).sum() / weights.sum())
    assert (ours.q, ours.p) == pytest.approx((other.q, other.test_homogeneity().pvalue))
    assert ours.i2 == pytest.approx(max(other.i2, 0.0))
    if other.tau2 > 0:
        low, high = other.conf_int()[1]
        assert (ours.low, ours.high) == pytest.approx((low, high), abs=1e-6)
        further = t.ppf(0.975, 2) * np.sqrt(other.tau2 + other.sd_eff_w_re**2)
        assert ours.lowest == pytest.approx(ours.value - further)
        assert ours.highest == 1.0, "no AUROC is more"


def test_two_sites_predict_no_third_and_one_is_nothing():
    two = pool(np.array([0.8, 0.7, np.nan]), np.array([0.001, 0.001, 0.001]))
    assert two is not None
    assert (two.sites, two.lowest, two.value) == (2, None, pytest.approx(0.75))
    assert pool(np.array([0.8, 0.5]), np.array([0.001, 1e-33])) is None, "no resample changed it"
