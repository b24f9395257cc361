"""The jobcentres' file against published counts, and its errors."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from analysis_lib.errors import DefinitionError, InvalidInput
from analysis_lib.register.jobcentres import JOBCENTRES_FILE, read_jobcentres

SOURCE = JOBCENTRES_FILE.read_text(encoding="utf-8")


def read_changed(tmp_path, old, new):
    assert old in SOURCE
    path = tmp_path / "jobcentres.yml"
    path.write_text(SOURCE.replace(old, new, 1), encoding="utf-8")
    return read_jobcentres(path)


def test_municipalities_by_region(jobcentres):
    # Verified (django-localflavor dk_municipalities): 29 + 17 + 22 + 19 + 11 = 98.
    frame = jobcentres.to_frame(2016)
    assert len(frame) == 98
    assert frame["region"].value_counts().to_dict() == {
        "hovedstaden": 29, "sjaelland": 17, "syddanmark": 22, "midtjylland": 19, "nordjylland": 11,
    }  # fmt: skip


def test_jobcentres_by_year(jobcentres):
    # Verified: 94 in 2016; 91 in 2008, of which this file cannot identify two joint ones.
    assert len(jobcentres.in_use(2016)) == 94
    assert len(jobcentres.in_use(2008)) == 91 + 2
    # Verified about 2009: 44 in Hovedstaden & Sjælland; derived: 20 in Syddanmark.
    by_area = jobcentres.to_frame(2009).groupby("employment_region")["jobcentre"].nunique()
    assert by_area["hovedstaden_sjaelland"] == 44
    assert by_area["syddanmark"] == 20


def test_every_municipality_has_one_jobcentre_in_every_year(jobcentres):
    assert list(jobcentres.years) == list(range(2007, 2027))
    for year in jobcentres.years:
        frame = jobcentres.to_frame(year)
        assert Counter(frame["municipality"]) == Counter(jobcentres.municipality_codes)
        assert frame["jobcentre"].notna().all()
        assert tuple(sorted(set(frame["jobcentre"]))) == jobcentres.in_use(year)


def test_nyborg_and_langeland_are_not_swapped(jobcentres):
    # One public list swaps the codes 450 and 482.
    assert jobcentres.jobcentre_of(450, 2016) == "jc_nyborg"
    assert jobcentres.jobcentre_of(482, 2016) == "jc_langeland"


@pytest.mark.parametrize(
    ("code", "jobcentre", "name"),
    [
        (461, "jc_odense", "Jobcenter Odense"),
        (580, "jc_aabenraa", "Jobcenter Aabenraa"),
        (370, "jc_naestved", "Jobcenter Næstved"),
        (430, "jc_faaborg_midtfyn", "Jobcenter Faaborg-Midtfyn"),
        (169, "jc_hoeje_taastrup", "Jobcenter Høje-Taastrup"),
        (492, "jc_aeroe", "Jobcenter Ærø"),
        (185, "jc_taarnby_dragoer", "Jobcenter Tårnby-Dragør"),
        (480, "jc_nordfyns", "Jobcenter Nordfyn"),
    ],
)
def test_ids_and_names(jobcentres, code, jobcentre, name):
    assert jobcentres.jobcentre_of(code, 2012) == jobcentre
    assert jobcentres.name(jobcentre) == name


def test_svendborg_and_langeland_part(jobcentres):
    both = np.array([482, 479, 482])
    assert jobcentres.jobcentres_of(both, 2010).tolist() == ["jc_svendborg_langeland"] * 3
    assert jobcentres.jobcentres_of(both, 2016).tolist() == ["jc_langeland", "jc_svendborg", "jc_langeland"]


def test_unknown_id_suggests_the_nearest(jobcentres):
    with pytest.raises(DefinitionError) as error:
        jobcentres.name("jc_odnse")
    assert str(error.value) == "jobcentre is 'jc_odnse'; must be an id of the jobcentres; did you mean 'jc_odense'?"


def test_id_that_was_not_in_use(jobcentres):
    assert jobcentres.check("jc_langeland") == "jc_langeland"
    with pytest.raises(DefinitionError, match="jobcentre is 'jc_langeland'; it was not in use in 2010"):
        jobcentres.check("jc_langeland", 2010)


def test_unknown_municipality_and_year(jobcentres):
    with pytest.raises(InvalidInput, match="municipality is 411; must be one of the 98 codes of the file"):
        jobcentres.jobcentre_of(411, 2016)
    with pytest.raises(InvalidInput, match="year is 2006; must be 2007 to 2026"):
        jobcentres.in_use(2006)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("{code: 450, name: Nyborg", "{code: 482, name: Nyborg", "'482' appears twice"),
        (
            "region: nordjylland}",
            "region: nordjyland}",
            "municipality 773 lies in 'nordjyland'; must be one of regions; did you",
        ),
        (
            "employment_region: syddanmark,",
            "employment_region: syd,",
            "region syddanmark lies in 'syd'; must be one of employment",
        ),
        ("municipalities: [183, 187]", "municipalities: [155, 187]", "municipality 155 has two jobcentres in 2007"),
        (
            "municipalities: [183, 187]",
            "municipalities: [183, 999]",
            "jc_vallensbaek_ishoej names municipality 999; must be one",
        ),
        ("municipalities: 29}", "municipalities: 28}", "region hovedstaden has 29 municipalities; must be 28"),
        (
            "jobcentres: 94, unidentified: 0",
            "jobcentres: 94, unidentified: 1",
            "94 jobcentres in 2016; must be 94 published \\+ 1",
        ),
        ("last_year: 2012", "last_year: 2016", "93 jobcentres in 2016; must be 94 published"),
        ("name: Nyborg", "nam: Nyborg", "unknown key 'municipalities.* did you mean 'name'"),
    ],
)
def test_a_file_that_is_wrong(tmp_path, old, new, message):
    with pytest.raises(DefinitionError, match=message):
        read_changed(tmp_path, old, new)
