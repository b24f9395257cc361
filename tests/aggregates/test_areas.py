"""Published names and codes of areas to ids, by year."""

from __future__ import annotations

import unicodedata

import pytest

from analysis_lib.aggregates.areas import AREA_NAMES_FILE, AreaIndex, area_key, read_area_index
from analysis_lib.errors import DataError, DefinitionError
from analysis_lib.register import read_jobcentres


@pytest.mark.parametrize(
    ("name", "jobcentre"),
    [
        ("Odense", "jc_odense"), ("Odense Kommune", "jc_odense"), ("Jobcenter Odense", "jc_odense"),
        ("  odense ", "jc_odense"), ("ODENSE KOMMUNE", "jc_odense"),
        ("Århus", "jc_aarhus"), ("Aarhus", "jc_aarhus"), (unicodedata.normalize("NFD", "Århus"), "jc_aarhus"),
        ("Ålborg", "jc_aalborg"), ("Åbenrå", "jc_aabenraa"), ("Faaborg-Midtfyn", "jc_faaborg_midtfyn"),
        ("Fåborg Midtfyn", "jc_faaborg_midtfyn"), ("Nordfyn", "jc_nordfyns"), ("Nordfyns Kommune", "jc_nordfyns"),
        ("Vesthimmerland", "jc_vesthimmerlands"), ("Vesthimmerlands", "jc_vesthimmerlands"),
        ("Høje Taastrup", "jc_hoeje_taastrup"), ("Høje\u2011Tåstrup", "jc_hoeje_taastrup"), ("Lyngby-Taarbæk", "jc_lyngby_taarbaek"),
        ("Ærø", "jc_aeroe"), ("Københavns Kommune", "jc_koebenhavn"), ("Copenhagen", "jc_koebenhavn"),
        ("Bornholms Regionskommune", "jc_bornholm"), ("Esbjerg-Fanø", "jc_esbjerg_fanoe"),
        ("Jobcenter Fanø/Esbjerg", "jc_esbjerg_fanoe"), ("Esbjerg og Fanø", "jc_esbjerg_fanoe"),
    ],
)  # fmt: skip
def test_spellings(areas, name, jobcentre):
    found = areas.find(name, 2016)
    assert (found.jobcentre, found.problem) == (jobcentre, "")


def test_every_municipality_is_found_by_its_name_and_code(areas):
    jobcentres = read_jobcentres()
    for m in jobcentres.municipalities:
        for name, code in (
            (m.name, None),
            (m.name, str(m.code)),
            (str(m.code), str(m.code)),
            (f"{m.name} Kommune", None),
        ):
            found = areas.find(name, 2016, code=code)
            assert (found.kind, found.municipality) == ("municipality", m.code)
            assert (found.jobcentre or found.part_of) == jobcentres.jobcentre_of(m.code, 2016)


def test_nyborg_and_langeland_are_not_swapped(areas):
    assert areas.find("450", 2016, code="450").jobcentre == "jc_nyborg"
    assert areas.find("482", 2016, code="482").jobcentre == "jc_langeland"
    with pytest.raises(DataError, match="code 450 and name 'Langeland' are two different places"):
        areas.find("Langeland", 2016, code="450")


def test_a_municipality_of_a_joint_jobcentre_is_a_part_of_it(areas):
    fanoe = areas.find("Fanø", 2016)
    assert (fanoe.municipality, fanoe.jobcentre, fanoe.part_of, fanoe.problem) == (563, None, "jc_esbjerg_fanoe", "")
    svendborg = [areas.find("Svendborg", year) for year in (2011, 2016)]
    assert [(s.jobcentre, s.part_of) for s in svendborg] == [(None, "jc_svendborg_langeland"), ("jc_svendborg", None)]


def test_joint_jobcentres_are_found_in_their_years_only(areas):
    found = areas.find("Jobcenter Svendborg-Langeland", 2012)
    assert (found.kind, found.jobcentre, found.municipality) == ("jobcentre", "jc_svendborg_langeland", None)
    late = areas.find("Jobcenter Svendborg-Langeland", 2013)
    assert (late.jobcentre, late.problem) == (None, "jc_svendborg_langeland was not in use in 2013")
    own = areas.find("Jobcenter Langeland", 2011)
    assert (own.jobcentre, own.problem) == (None, "jc_langeland was part of jc_svendborg_langeland in 2011")


def test_country_and_regions(areas):
    assert [areas.find(name, 2016).kind for name in ("Hele landet", "HELE  LANDET", "All Denmark")] == ["country"] * 3
    assert areas.find("000", 2016, code="000").kind == "country"
    assert len(areas.find("Hele landet", 1999).municipalities) == 98
    # Verified: 084 is Region Hovedstaden, of 29 municipalities.
    capital = areas.find("084", 2016, code="084")
    assert (capital.kind, len(capital.municipalities)) == ("region", 29)
    assert areas.find("Region Hovedstaden", 2016) == capital == areas.find("Capital Region", 2016)
    assert areas.find("Beskæftigelsesregion Syddanmark", 2010).kind == "employment_region"
    assert len(areas.find("Hovedstaden & Sjælland", 2010).municipalities) == 29 + 17


@pytest.mark.parametrize(
    ("name", "code", "problem"),
    [
        ("Odenze", None, "'Odenze' is no area of the lists; did you mean 'Odense'?"),
        ("Jobcenter Kolling", None, "did you mean 'Kolding'?"),
        ("RAR Fyn", None, "'RAR Fyn' is no area of the lists"),
        ("Region Hovedstaden", "1084", "StatBank's code has three digits, 084"),
        ("411", "411", "code 411 is no municipality, region or country"),
        ("01", "01", "code 01 is no"),
        ("Jobcenter Region Syddanmark", None, "is no area of the lists"),
        ("Brønderslev-Dronninglund", None, "'Brønderslev-Dronninglund' is a name of 2007 and earlier"),
    ],
)
def test_what_is_no_area_says_why(areas, name, code, problem):
    found = areas.find(name, 2016, code=code)
    assert found.kind == "other"
    assert (found.jobcentre, found.municipality, found.municipalities) == (None, None, frozenset())
    assert problem in found.problem


def test_a_former_name_is_found_in_its_years(areas):
    assert areas.find("Brønderslev-Dronninglund", 2007).jobcentre == "jc_broenderslev"
    assert areas.find("Frederiksværk-Hundested Kommune", 2007).municipality == 260


def test_years_that_the_lists_do_not_cover(areas):
    for year in (2006, 2027):
        found = areas.find("Odense", year)
        assert (found.jobcentre, found.municipality, found.problem) == (None, None, f"{year} is outside 2007-2026")
        assert found.municipalities == {461}


def test_no_area_is_no_problem(areas):
    found = areas.find("Uoplyst område", 2016)
    assert (found.kind, found.municipalities, found.problem) == ("other", frozenset(), "")


def test_keys_of_different_places_differ():
    jobcentres = read_jobcentres()
    names = [m.name for m in jobcentres.municipalities] + [j.name for j in jobcentres.joint]
    assert len({area_key(name) for name in names}) == len(names)


def test_the_file_is_strict(tmp_path):
    path = tmp_path / "area_names.yml"
    path.write_text(AREA_NAMES_FILE.read_text(encoding="utf-8").replace("codes:", "code:", 1), encoding="utf-8")
    with pytest.raises(DefinitionError, match="unknown key 'country.code'; did you mean 'codes'"):
        read_area_index(path)


def test_names_may_be_given(tmp_path):
    path = tmp_path / "area_names.yml"
    text = AREA_NAMES_FILE.read_text(encoding="utf-8")
    path.write_text(text.replace("name: Copenhagen", "name: Kopenhagen"), encoding="utf-8")
    index = read_area_index(path, jobcentres=read_jobcentres())
    assert isinstance(index, AreaIndex)
    assert index.find("Kopenhagen", 2016).municipality == 101
