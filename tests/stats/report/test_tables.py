from mmdx.stats.comparison.compare import compare
from mmdx.stats.comparison.recovery import Recovery
from mmdx.stats.report.claims import claims
from mmdx.stats.report.tables import differences_sheet, estimates_sheet, findings_sheet, shares_sheet
from mmdx.stats.report.words import with_interval
from mmdx.stats.resampling.intervals import Estimate


def test_arms_are_rows_and_the_reference_is_first(write_run):
    comparison = compare([write_run("fused", {"ct": 2.0, "ct+report": 1.0})], resamples=100)
    sheet = estimates_sheet(comparison, ("auroc", "ap"))
    assert sheet.title == "Mean over 2 findings"
    assert sheet.header == ("model", "AUROC", "AP", "patients", "studies")
    assert [row[0] for row in sheet.rows] == ["ct+report", "ct"]
    assert sheet.rows[0][1] == with_interval(comparison.estimates["ct+report", "auroc", None])
    assert sheet.rows[0][3:] == ("40", "40")


def test_differences_stand_beside_the_reference(write_run):
    comparison = compare([write_run("fused", {"ct": 20.0, "ct+report": 0.1})], resamples=2000)
    sheet = differences_sheet(comparison, ("auroc",), finding="bleed")
    assert sheet.title == "bleed: ct+report minus …"
    ((arm, difference, p),) = sheet.rows
    assert arm == "ct"
    assert difference == with_interval(comparison.differences["ct", "auroc", "bleed"].estimate)
    # Two findings are compared: the smallest p-value of 2,000 resamples counts twice.
    assert p == "0.002"


def test_a_finding_stands_on_its_known_labels(write_run):
    run = write_run("fused", {"ct": 1.0}, patients=8)
    with (run / "predictions" / "test.csv").open("a", encoding="utf-8") as file:
        file.write("new,p8,ct,bleed,,0.99\nnew,p8,ct,fracture,,0.99\n")
    comparison = compare([run], resamples=100)
    assert estimates_sheet(comparison, ("ap",), finding="bleed").rows[0][2:] == ("8", "8")
    assert estimates_sheet(comparison, ("ap",)).rows[0][2:] == ("9", "9")
    reason = "4 patients with the finding, and 5 are needed"
    assert findings_sheet(comparison).rows[0] == ("bleed", "8", "4", "1", "8", "4", reason)


def test_a_mean_of_one_finding_stands_on_its_patients(tmp_path):
    """Of 30 patients, 20 have a known label."""
    rows = [f"s{i},p{i},ct,bleed,{'' if i < 10 else i % 2},{0.01 * i}" for i in range(30)]
    path = tmp_path / "test.csv"
    path.write_text("\n".join(["study_id,patient_id,shown,finding,label,score", *rows]) + "\n")
    comparison = compare([path], resamples=100)
    assert estimates_sheet(comparison, ("auroc",)).rows[0][-2:] == ("20", "20")
    assert "20 patients" in claims(comparison)[0]


def test_shares_of_a_gap_stand_below_the_gap_itself():
    gap, share = Estimate(0.1, 0.05, 0.15, 200), Estimate(0.5, 0.25, 0.75, 200)
    sheet = shares_sheet(Recovery("auroc", gap, {"guided": share, "dropped": Estimate(0.0, None, None, 0, "no gap")}))
    assert sheet.title == "superior minus inferior, macro AUROC: 0.100 [0.050, 0.150]"
    assert sheet.header == ("model", "share of the gap recovered")
    assert [row[0] for row in sheet.rows] == ["guided", "dropped"]
    assert sheet.rows[0][1] == "0.500 [0.250, 0.750]"
