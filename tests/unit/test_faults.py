"""The faults of make faults still fit the code, and name tests that exist; whether those notice is for it to say."""

import shutil
from pathlib import Path

import patch_ng
import pytest

from faults.planted import ROOT, Fault, faults


@pytest.mark.parametrize("fault", faults(), ids=lambda fault: fault.name)
def test_a_fault_fits(fault: Fault, tmp_path: Path) -> None:
    patches = patch_ng.fromfile(str(fault.patch))
    for patch in patches.items:
        file = Path(patch.target.decode())
        (tmp_path / file.parent).mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / file, tmp_path / file)
    assert patches.apply(strip=0, root=str(tmp_path))


@pytest.mark.parametrize("fault", faults(), ids=lambda fault: fault.name)
def test_a_fault_names_its_promise_and_tests_that_exist(fault: Fault) -> None:
    assert fault.promise.endswith(")"), "ends with the section that says so, as (3.3)"
    for test in fault.tests:
        file, _, function = test.partition("::")
        assert f"def {function.partition('[')[0]}(" in (ROOT / file).read_text()
